#include "tests/oracle/kvm_twin.h"

#include <algorithm>

#include "sim/base/address.h"

namespace nptsim::oracle::kvm {
namespace {

struct Range {
  std::uint64_t gpa = 0, size = 0;
  bool write = false;
};

Range around(std::uint64_t start, std::uint64_t count, std::uint64_t size, bool down, bool write) {
  const std::uint64_t bytes = count * size;
  return {down && count > 0 ? start - bytes + size : start, bytes, write};
}

// The memory that an instruction touches, source first.
std::vector<Range> ranges(const Access& access, const Step& step) {
  const std::uint64_t count = step.number_or("count", 1);
  const bool down = step.number_or("df", 0) != 0;
  std::vector<Range> out;
  if (step.has("src")) {
    out.push_back(around(step.number("src"), count, access.size, down, false));
  }
  if (access.string) {
    out.push_back(around(access.gpa, count, access.size, down, access.writes));
  } else if (access.kind == "push") {
    out.push_back({access.gpa - access.size, access.size, true});
  } else if (access.kind == "fetch") {
    out.push_back({access.gpa, 7, false});
  } else {
    out.push_back({access.gpa, access.size, access.writes});
  }
  return out;
}

}  // namespace

const TwinSlot* Twin::slot_at(std::uint64_t gpa, std::uint64_t* id) const {
  for (const auto& [number, slot] : slots) {
    if (gpa < slot.gpa || gpa - slot.gpa >= slot.size) continue;
    if (id != nullptr) *id = number;
    return &slot;
  }
  return nullptr;
}

void Twin::set_slot(std::uint64_t id, const TwinSlot& slot) {
  if (slot.size == 0) {
    slots.erase(id);
    read_pages.erase(id);
  } else {
    slots[id] = slot;
  }
}

void Twin::protect(const std::string& backing, std::uint64_t offset, std::uint64_t size,
                   HostAccess access) {
  for (std::uint64_t page = 0; page < size >> kPageShift; ++page) {
    host[backing][(offset >> kPageShift) + page] = access;
  }
}

bool Twin::host_forbids(const Access& access, const Step& step) const {
  for (const Range& range : ranges(access, step)) {
    for (std::uint64_t done = 0; done < range.size;) {
      const std::uint64_t at = range.gpa + done;
      done += bytes_in_page(at, range.size - done);
      const TwinSlot* slot = slot_at(at);
      if (slot == nullptr || (slot->readonly && range.write)) {
        if (!access.string) return false;  // emulated, whole
        continue;
      }
      const auto pages = host.find(slot->backing);
      if (pages == host.end()) continue;
      const auto page = pages->second.find((at - slot->gpa + slot->offset) >> kPageShift);
      if (page == pages->second.end() || page->second == HostAccess::kReadWrite) continue;
      if (page->second == HostAccess::kNone || range.write) return true;
    }
  }
  return false;
}

void Twin::taint(const Access& access, const Step& step) {
  for (const Range& range : ranges(access, step)) {
    for (std::uint64_t i = 0; range.write && i < range.size; ++i) {
      const TwinSlot* slot = slot_at(range.gpa + i);
      if (slot != nullptr)
        tainted_.emplace(slot->backing, range.gpa + i - slot->gpa + slot->offset);
    }
  }
}

bool Twin::is_tainted(const std::string& backing, std::uint64_t offset) const {
  return tainted_.count({backing, offset}) != 0;
}

bool Twin::touches_tainted(const Access& access, const Step& step) const {
  if (tainted_.empty()) return false;
  for (const Range& range : ranges(access, step)) {
    for (std::uint64_t i = 0; !range.write && i < range.size; ++i) {
      const TwinSlot* slot = slot_at(range.gpa + i);
      if (slot == nullptr) continue;
      if (is_tainted(slot->backing, range.gpa + i - slot->gpa + slot->offset)) return true;
    }
  }
  return false;
}

void Twin::touch(const Access& access, const Step& step) {
  for (const Range& range : ranges(access, step)) {
    for (std::uint64_t done = 0; done < range.size;) {
      const std::uint64_t at = range.gpa + done;
      done += bytes_in_page(at, range.size - done);
      std::uint64_t id = 0;
      const TwinSlot* slot = slot_at(at, &id);
      if (slot != nullptr) read_pages[id].insert((at - slot->gpa) >> kPageShift);
    }
  }
}

}  // namespace nptsim::oracle::kvm
