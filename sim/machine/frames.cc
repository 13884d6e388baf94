#include "sim/machine/frames.h"

namespace nptsim::machine {

bool ActorFrames::push_any(std::uint64_t owner, const rules::FrameWords& frame) {
  if (stack_.full()) return false;
  stack_.push(owner) = frame;
  return true;
}

unsigned ActorFrames::count(Layer layer) const {
  unsigned found = 0;
  for (unsigned i = 0; i < depth(); ++i) {
    if (stack_.owner(i) == static_cast<std::uint64_t>(layer)) ++found;
  }
  return found;
}

unsigned ActorFrames::count(Layer layer, rules::ProcedureId procedure) {
  unsigned found = 0;
  for (unsigned i = 0; i < depth(); ++i) {
    if (stack_.owner(i) != static_cast<std::uint64_t>(layer)) continue;
    if (stack_.frame(i).procedure() == procedure) ++found;
  }
  return found;
}

}  // namespace nptsim::machine
