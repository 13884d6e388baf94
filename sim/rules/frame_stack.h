// The frames of an actor, one on top of the other, as words of the machine's store.
#ifndef NPTSIM_SIM_RULES_FRAME_STACK_H_
#define NPTSIM_SIM_RULES_FRAME_STACK_H_

#include <cstdint>

#include "sim/rules/frame.h"

namespace nptsim::rules {

// Each frame has an owner: whoever runs programs says by it which one a frame belongs to. Above the
// top everything is zero, so stacks that are equal are equal word by word.
class FrameStack {
 public:
  FrameStack(std::uint64_t* depth, std::uint64_t* owners, FrameWords* frames, unsigned max_depth)
      : depth_(depth), owners_(owners), frames_(frames), max_depth_(max_depth) {}

  unsigned depth() const { return static_cast<unsigned>(*depth_); }
  bool empty() const { return *depth_ == 0; }
  bool full() const { return *depth_ >= max_depth_; }
  std::uint64_t owner(unsigned i) const { return owners_[i]; }
  FrameWords& frame(unsigned i) { return frames_[i]; }
  FrameWords& top() { return frames_[*depth_ - 1]; }
  // The frame below the top, if there is one of the same owner.
  bool has_caller() const { return *depth_ >= 2 && owners_[*depth_ - 2] == owners_[*depth_ - 1]; }

  // A frame of zeros, to be filled in. The stack must not be full.
  FrameWords& push(std::uint64_t owner) {
    owners_[*depth_] = owner;
    return frames_[(*depth_)++];
  }
  void pop() {
    const std::uint64_t at = --*depth_;
    owners_[at] = 0;
    frames_[at].clear();
  }

 private:
  std::uint64_t* depth_;
  std::uint64_t* owners_;
  FrameWords* frames_;
  unsigned max_depth_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_FRAME_STACK_H_
