// The ioctl KVM_SET_USER_MEMORY_REGION2 under way, against the slots that there are.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"

namespace nptsim::kvm {
namespace {

namespace region = kvm_uapi::region;

ConstRecord region_request(const View& view) {
  return kvm_uapi::kRegionRequest.at(view.store(), 0);
}

// The record that the request's slot number names.
std::optional<ConstRecord> requested_slot(const View& view) {
  const ConstRecord request = region_request(view);
  const auto index =
      slot_with_id(view.store(), request.get(region::kAddressSpace), request.get(region::kSlot));
  if (!index) return std::nullopt;
  return kSlots.at(view.store(), *index);
}

template <const Field& field>
unsigned flag(const View& view) {
  return region_request(view).get(field) != 0;
}

constexpr std::uint64_t kMaxPages = (1ull << 31) - 1;  // KVM_MEM_MAX_NR_PAGES

unsigned region_shape(const View& view) {
  const ConstRecord request = region_request(view);
  const std::uint64_t gpa = request.get(region::kGpa), size = request.get(region::kSize);
  const bool aligned = ((gpa | size | request.get(region::kOffset)) & kPageMask) == 0;
  const bool wraps = gpa + size < gpa;
  return aligned && !wraps && !request.get(region::kNoUserAddress) &&
         request.get(region::kAddressSpace) < address_spaces(view) &&
         request.get(region::kSlot) < kUserSlots && (size >> kPageShift) <= kMaxPages;
}

unsigned size(const View& view) { return region_request(view).get(region::kSize) != 0; }
unsigned slot_used(const View& view) { return requested_slot(view).has_value(); }

unsigned same_backing(const View& view) {
  const auto target = requested_slot(view);
  if (!target) return 0;
  const ConstRecord request = region_request(view);
  return target->get(slot::kBacking) == request.get(region::kBacking) &&
         target->get(slot::kOffset) == request.get(region::kOffset) &&
         target->get(slot::kPages) == request.get(region::kSize) >> kPageShift;
}
unsigned same_readonly(const View& view) {
  const auto target = requested_slot(view);
  return target && target->get(slot::kReadonly) == region_request(view).get(region::kReadonly);
}
unsigned same_gpa(const View& view) {
  const auto target = requested_slot(view);
  return target &&
         target->get(slot::kBaseGfn) == region_request(view).get(region::kGpa) >> kPageShift;
}
unsigned same_flags(const View& view) {
  const auto target = requested_slot(view);
  return target && target->get(slot::kLogDirty) == region_request(view).get(region::kLogDirty);
}

// --- KVM_MEM_GUEST_MEMFD ---

unsigned gmem_asked(const View& view) { return region_request(view).get(region::kGmem) != 0; }

// kvm_set_memory_region: whole pages, and no wrap.
unsigned gmem_offset(const View& view) {
  const std::uint64_t offset = region_request(view).get(region::kGmemOffset);
  const std::uint64_t end = offset + region_request(view).get(region::kSize);
  return (offset & kPageMask) == 0 && end >= offset;
}

// Whether another slot is bound to pages [offset, offset + size) of the file (gmem->bindings).
bool is_bound(const View& view, std::uint64_t file, std::uint64_t offset, std::uint64_t size) {
  for (std::uint64_t i = 0; i < vm_of(view).get(vm::kSlots); ++i) {
    const ConstRecord other = kSlots.at(view.store(), i);
    if (!other.get(slot::kUsed) || other.get(slot::kGmem) != file) continue;
    const std::uint64_t base = other.get(slot::kGmemOffset);
    if (offset < base + (other.get(slot::kPages) << kPageShift) && base < offset + size)
      return true;
  }
  return false;
}

// kvm_gmem_bind, in its order.
unsigned gmem_file(const View& view) {
  enum : unsigned { kClosed, kOther, kShort, kBound, kFree };
  const std::uint64_t file = region_request(view).get(region::kGmem);
  const std::uint64_t offset = region_request(view).get(region::kGmemOffset);
  const std::uint64_t size = region_request(view).get(region::kSize);
  if (file == 0 || file == region::kClosedFile) return kClosed;
  const std::uint64_t index = file - 1 - machine::kFirstGmem;
  if (file == region::kOtherFile || index >= view.setup().regions.size()) return kOther;
  if (offset + size > view.setup().regions[index].size) return kShort;
  return is_bound(view, file, offset, size) ? kBound : kFree;
}

unsigned same_gmem(const View& view) {
  const auto target = requested_slot(view);
  return target &&
         (target->get(slot::kGmem) != 0) == (region_request(view).get(region::kGmem) != 0);
}

// Against every other slot; the one that moves does not count.
unsigned overlaps(const View& view) {
  const ConstRecord request = region_request(view);
  const std::uint64_t first = request.get(region::kGpa) >> kPageShift;
  const std::uint64_t end = first + (request.get(region::kSize) >> kPageShift);
  const std::uint64_t address_space = request.get(region::kAddressSpace);
  const std::uint64_t count = vm_of(view).get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    const ConstRecord other = kSlots.at(view.store(), i);
    if (!other.get(slot::kUsed) || other.get(slot::kAddressSpace) != address_space) continue;
    if (other.get(slot::kId) == request.get(region::kSlot)) continue;
    const std::uint64_t base = other.get(slot::kBaseGfn);
    if (first < base + other.get(slot::kPages) && base < end) return 1;
  }
  return 0;
}

unsigned in_width(const View& view) {
  const ConstRecord request = region_request(view);
  const std::uint64_t end = request.get(region::kGpa) + request.get(region::kSize);
  return end <= bit_range(view.setup().cpu.maxphyaddr - 1, 0) + 1;
}

unsigned wrapped(const View& view) { return vm_of(view).get(vm::kGenerationWrapped) != 0; }

}  // namespace

void add_request_facts(rules::Vocabulary& v) {
  v.add(fact<flag<region::kReadonly>>("request.readonly", kNoYes, "KVM_MEM_READONLY"));
  v.add(fact<flag<region::kLogDirty>>("request.log_dirty", kNoYes, "KVM_MEM_LOG_DIRTY_PAGES"));
  v.add(fact<flag<region::kOtherFlags>>("request.other_flags", kNoYes, "any other flag"));
  v.add(fact<region_shape>("request.shape", {"bad", "ok"},
                           "alignment, user address, slot number, number of pages, no wrap"));
  v.add(fact<size>("request.size", {"zero", "some"}, "memory_size"));
  v.add(fact<slot_used>("request.slot", {"free", "used"}, "the slot number"));
  v.add(fact<same_backing>("request.same_backing", kNoYes, "userspace_addr and size as before"));
  v.add(fact<same_readonly>("request.same_readonly", kNoYes, "KVM_MEM_READONLY as before"));
  v.add(fact<same_gpa>("request.same_gpa", kNoYes, "guest_phys_addr as before"));
  v.add(fact<same_flags>("request.same_flags", kNoYes, "the other flags as before"));
  v.add(fact<gmem_asked>("request.gmem", kNoYes, "KVM_MEM_GUEST_MEMFD"));
  v.add(fact<gmem_offset>("request.gmem_offset", {"bad", "ok"},
                          "guest_memfd_offset: whole pages, and no wrap"));
  v.add(fact<gmem_file>("request.gmem_file", {"closed", "other", "short", "bound", "free"},
                        "guest_memfd: not open, no guest_memfd of this VM, too short, in use"));
  v.add(fact<same_gmem>("request.same_gmem", kNoYes, "KVM_MEM_GUEST_MEMFD as before"));
  v.add(fact<overlaps>("request.overlaps", kNoYes, "another slot covers a part of the range"));
  v.add(fact<in_width>("request.in_width", kNoYes, "the range ends within kvm_mmu_max_gfn()"));
  v.add(fact<wrapped>("generation", {"ok", "wrapped"},
                      "the latest update made the low 19 bits of the generation 0"));
}

}  // namespace nptsim::kvm
