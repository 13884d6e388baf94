#include "sim/machine/frames.h"

namespace nptsim::machine {

bool ActorFrames::push_any(std::uint64_t layer, const rules::FrameWords& pushed) {
  const unsigned at = depth();
  if (at >= kMaxDepth) return false;
  layers(at) = layer;
  frame(at) = pushed;
  words_[kDepth] = at + 1;
  return true;
}

void ActorFrames::pop() {
  const unsigned at = depth() - 1;
  layers(at) = 0;
  frame(at) = {};
  words_[kDepth] = at;
}

unsigned ActorFrames::count(Layer wanted) const {
  unsigned found = 0;
  for (unsigned i = 0; i < depth(); ++i) {
    if (layers(i) == static_cast<std::uint64_t>(wanted)) ++found;
  }
  return found;
}

}  // namespace nptsim::machine
