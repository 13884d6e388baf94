// `start:` against the VM's regions, vCPUs and labels.
#include <string>
#include <vector>

#include "sim/base/address.h"
#include "sim/scenario/check.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {
namespace {

class StartCheck {
 public:
  StartCheck(const Vm& vm, Diagnostics& diagnostics) : vm_(vm), diagnostics_(diagnostics) {
    for (const Region& region : vm.memory) regions_.push_back(region.name.value);
  }

  void run() {
    const Start& start = vm_.start;
    for (const NestedEntry& entry : start.npt.entries) check(entry);
    for (const PageRange& range : start.pages) check(range);
    for (const RmpEntry& entry : start.rmp) check_place(entry.spa);
    for (const HostRange& range : start.host) check(range);
    if (start.attributes) {
      for (const AttributeRange& range : *start.attributes) {
        check_range(range.pos, range.gpa, range.size, kPageSize);
      }
    }
    if (start.slots) {
      for (const Slot& slot : *start.slots) check_place(slot.backing);
    }
    for (const Answer& answer : start.answers) check(answer);
    if (!start.answers.empty() && vm_.machine.kernel.value != "given") {
      report(start.answers[0].pos, "answers are for the kernel 'given'", "machine.kernel: given");
    }
  }

 private:
  void report(const SourcePos& pos, std::string found, std::string accepted) {
    diagnostics_.push_back({pos, std::move(found), std::move(accepted), ""});
  }

  void check_range(const SourcePos& pos, GuestPhysAddr gpa, std::uint64_t size,
                   std::uint64_t unit) {
    if (gpa.aligned_to(unit) && size % unit == 0 && gpa.value + size <= (1ull << 52)) return;
    const std::string page = unit == kPageSize ? "4K" : unit == kSize2M ? "2M" : "1G";
    report(pos, "the range is not made of whole pages below 52 bits",
           "gpa and size that are multiples of " + page);
  }

  const Region* check_region(const SourcePos& pos, const std::string& name) {
    const Region* region = vm_.region(name);
    if (region == nullptr)
      diagnostics_.push_back(unknown_word(pos, "region", yaml::printable(name), regions_));
    return region;
  }

  void check_place(const Place& place) {
    if (place.region.empty()) return;
    const Region* region = check_region(place.pos, place.region);
    if (region == nullptr || place.offset < region->size) return;
    report(place.pos, "the offset lies beyond region " + yaml::quote(place.region),
           "offsets below the region's size");
  }

  void check(const NestedEntry& entry) {
    const std::uint64_t size = kPageSize << (9 * (entry.level - 1));
    if (!entry.gpa.aligned_to(size)) {
      report(entry.pos, "the gpa is not aligned to its level", "a multiple of the entry's size");
    }
    if (entry.to) check_place(*entry.to);
  }

  void check(const Answer& answer) {
    if (answer.gpa) check_range(answer.pos, *answer.gpa, answer.size, kPageSize);
    const bool exit = !answer.exit.value.empty(), ioctl = !answer.ioctl.value.empty();
    if (exit && ioctl) {
      report(answer.ioctl.pos, "an answer to an exit and to a call", "exit: or ioctl:");
    }
    const bool fault = !ioctl && (!exit || answer.exit.value == "NPF");
    if (fault && !answer.gpa) {
      report(answer.pos, "an answer to a fault that says no address", "gpa: ADDRESS");
    }
    if (!fault && (!answer.error.empty() || answer.access != "rwx")) {
      report(answer.pos, "access and error are those of a #NPF", "exit, ioctl, gpa, size, times");
    }
  }

  void check(const PageRange& range) {
    check_range(range.pos, range.gpa, range.size, range.rmp.value_or(kPageSize));
  }

  void check(const HostRange& range) {
    const Region* region = check_region(range.pos, range.region);
    if (region == nullptr) return;
    const std::uint64_t unit = region->host_page == kSize1G ? kSize1G : kPageSize;
    const bool pages = range.offset % unit == 0 && range.size % unit == 0;
    const bool inside = range.offset < region->size && range.size <= region->size - range.offset;
    if (pages && inside) return;
    report(range.pos, "the range is not made of whole pages of region " + yaml::quote(range.region),
           "offset and size that are multiples of " + std::string(unit == kSize1G ? "1G" : "4K") +
               ", inside the region");
  }

  const Vm& vm_;
  Diagnostics& diagnostics_;
  std::vector<std::string> regions_;
};

}  // namespace

void check_start(const Vm& vm, Diagnostics& diagnostics) { StartCheck(vm, diagnostics).run(); }

}  // namespace nptsim::scenario
