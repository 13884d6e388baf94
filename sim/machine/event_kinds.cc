#include "sim/machine/event_kinds.h"

#include <algorithm>
#include <array>

namespace nptsim::machine {

std::span<const EventKind> event_kinds() {
  static const EventKind kKinds[] = {
      {"walk",
       {"access", "gva", "gpa", "spa", "c", "tlb", "entries", "failure", "stage", "level",
        "sentence", "source"}},
      {"npf",
       {"gpa", "error", "exit_info_1", "exit_info_2", "exit_int_info", "rip", "registers_visible",
        "sentence", "source"}},
      {"exit",
       {"code", "name", "exit_info_1", "exit_info_2", "exit_int_info", "rip", "registers_visible",
        "sentence", "source"}},
      {"vc", {"vector", "error_code", "cr2", "sentence", "source"}},
      {"rmp",
       {"instruction", "result", "carry", "gva", "gpa", "spa", "from", "to", "entry", "rights",
        "sentence", "source"}},
      {"firmware",
       {"command", "status", "spa", "from", "to", "page_type", "measured", "sentence", "source"}},
      {"iommu_fault", {"gpa", "spa", "size", "write", "from", "sentence", "source"}},
      {"host_fault", {"vector", "error_code", "cr2", "spa", "from", "sentence", "source"}},
      {"deliver", {"vector", "error_code", "cr2", "sentence", "source"}},
      {"decide", {"stage", "row", "then", "text", "source", "evidence", "facts", "passed"}},
      {"do", {"action", "gives", "note", "stopped", "source"}, true},
      {"call", {"how", "target", "text", "source"}},
      {"return", {"procedure", "result", "error", "info", "text", "source"}, true},
      {"wait", {"fact", "value"}},
      {"ghcb", {"request", "answer", "exit_code", "exit_info_1", "exit_info_2"}, true},
      {"kvm_exit_mmio", {"gpa", "len", "write", "data", "from"}},
      {"kvm_exit_memory_fault", {"gpa", "size", "private"}},
      {"kvm_exit_hypercall", {"gpa", "pages", "private"}},
      {"attributes", {"gpa", "size", "private"}},
      {"kvm_exit_io", {"port", "out", "size", "count", "data"}},
      {"memslot", {"change", "id", "gpa", "size", "readonly"}, true},
      {"dirty_log", {"id", "page", "bitmap"}},
      {"ioeventfd", {"gpa", "len"}},
      {"coalesced", {"gpa", "len", "data", "change"}},
      {"device", {"region", "direction", "offset", "size", "value"}, true},
      {"trace", {"event"}, true},
      {"text", {"text", "value", "gfn"}},
      {"harm", {"flag"}, true},
  };
  return kKinds;
}

const EventKind* find_event_kind(std::string_view name) {
  const auto kinds = event_kinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const EventKind& k) { return k.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

std::span<const std::string_view> common_fields() {
  static constexpr std::array<std::string_view, 3> kFields = {"by", "layer", "rule"};
  return kFields;
}

}  // namespace nptsim::machine
