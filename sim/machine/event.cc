#include "sim/machine/event.h"

namespace nptsim::machine {

std::string_view name_of(Layer layer) {
  constexpr std::string_view kNames[] = {"guest",    "cpu",  "kernel", "vmm",
                                         "firmware", "host", "monitor"};
  return kNames[static_cast<unsigned>(layer)];
}

const EventValue* EventFields::find(std::string_view name) const {
  for (const auto& [field, value] : list) {
    if (field == name) return &value;
  }
  return nullptr;
}

}  // namespace nptsim::machine
