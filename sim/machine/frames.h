// Where each actor stands: a stack of frames, in Space::kFrames, one page an actor.
//
// An empty stack means "in the guest, at RIP". A frame belongs to a layer, whose program it runs; a
// native frame means that the guest's own instructions run on top of modelled guest code: the end
// of an interrupt handler until its IRET, or a helper routine until RIP reaches its end.
#ifndef NPTSIM_SIM_MACHINE_FRAMES_H_
#define NPTSIM_SIM_MACHINE_FRAMES_H_

#include <cstdint>

#include "sim/base/store.h"
#include "sim/machine/event.h"
#include "sim/rules/run.h"

namespace nptsim::machine {

// Actors: the vCPUs by their numbers, then the VMM's main thread.
inline constexpr unsigned kMaxVcpus = 16;
inline constexpr unsigned kVmmActor = kMaxVcpus;

enum class ActorState : std::uint8_t { kRunning, kFinished, kDead };

class ActorFrames {
 public:
  static constexpr unsigned kMaxDepth = 28;

  ActorFrames(Store& store, unsigned actor)
      : ActorFrames(store.writable_page(Space::kFrames, actor)) {}

  unsigned depth() const { return stack_.depth(); }
  bool empty() const { return stack_.empty(); }
  bool native() const { return !empty() && stack_.owner(depth() - 1) == kNativeOwner; }
  // The layer and frame on top; not of a native one.
  Layer top_layer() const { return static_cast<Layer>(stack_.owner(depth() - 1)); }
  rules::FrameWords& top() { return stack_.top(); }
  // The frame below the top, and its layer.
  bool has_below() const { return depth() >= 2; }
  Layer layer_below() const { return static_cast<Layer>(stack_.owner(depth() - 2)); }
  bool below_is_native() const { return has_below() && stack_.owner(depth() - 2) == kNativeOwner; }
  // The frames' owners are their layers.
  rules::FrameStack& stack() { return stack_; }

  // False when the stack is full: the simulated software recurses without end.
  bool push(Layer layer, const rules::FrameWords& frame) {
    return push_any(static_cast<std::uint64_t>(layer), frame);
  }
  // The same for a procedure's first frame.
  bool push(Layer layer, const rules::Program& program, rules::ProcedureId procedure) {
    if (stack_.full()) return false;
    rules::begin(program, procedure, stack_.push(static_cast<std::uint64_t>(layer)));
    return true;
  }
  // A native frame ends with an IRET, or (with `until`) when RIP is there.
  bool push_native(std::uint64_t until = 0) {
    rules::FrameWords frame;
    frame.words[kUntil] = until;
    return push_any(kNativeOwner, frame);
  }
  std::uint64_t native_until() { return top().words[kUntil]; }
  void pop() { stack_.pop(); }

  ActorState state() const { return static_cast<ActorState>(words_[kState]); }
  void set_state(ActorState state) { words_[kState] = static_cast<std::uint64_t>(state); }
  // The directive under way, by its line's index + 1; 0 for none.
  std::uint64_t& directive() { return words_[kDirective]; }
  // The line whose `.call` is under way, likewise.
  std::uint64_t& call_line() { return words_[kCallLine]; }
  // How many of the script's acts have begun (the VMM's actor).
  std::uint64_t& script_position() { return words_[kScript]; }
  // The frames of a layer (a guest's nesting limit looks at it), or those of one of its procedures.
  unsigned count(Layer layer) const;
  unsigned count(Layer layer, rules::ProcedureId procedure);

 private:
  static constexpr unsigned kDepth = 0, kState = 1, kDirective = 2, kScript = 3, kCallLine = 4,
                            kLayers = 8, kFrames = 48;
  static constexpr std::uint64_t kNativeOwner = 0xff;
  static constexpr unsigned kUntil = 4;  // word of a native frame
  static_assert(kLayers + kMaxDepth <= kFrames);
  static_assert(kFrames + kMaxDepth * rules::kFrameWords <= kWordsPerPage);

  explicit ActorFrames(std::uint64_t* words)
      : words_(words),
        stack_(words + kDepth, words + kLayers,
               reinterpret_cast<rules::FrameWords*>(words + kFrames), kMaxDepth) {}
  bool push_any(std::uint64_t owner, const rules::FrameWords& frame);

  std::uint64_t* words_;
  rules::FrameStack stack_;
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_FRAMES_H_
