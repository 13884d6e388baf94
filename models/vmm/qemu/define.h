// Short forms for declaring facts and actions, and for reaching the records.
#ifndef NPTSIM_MODELS_VMM_QEMU_DEFINE_H_
#define NPTSIM_MODELS_VMM_QEMU_DEFINE_H_

#include <string>
#include <utility>
#include <vector>

#include "models/common/define.h"
#include "models/common/kvm_uapi.h"
#include "models/vmm/qemu/state.h"
#include "sim/base/hex.h"
#include "sim/machine/view.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::qemu {

using machine::View;
using rules::ActionResult;
using rules::Args;
using namespace define;

// Facts and actions by subject; vocabulary() is all of them.
void add_facts(rules::Vocabulary& vocabulary);
void add_access_actions(rules::Vocabulary& vocabulary);         // one KVM_EXIT_MMIO
void add_memory_actions(rules::Vocabulary& vocabulary);         // regions, slots, locks
void add_pflash_actions(rules::Vocabulary& vocabulary);         // commands, status, the array
void add_pflash_answer_actions(rules::Vocabulary& vocabulary);  // reads
void add_pflash_buffer_actions(rules::Vocabulary& vocabulary);  // the write buffer
void add_nvm_facts(rules::Vocabulary& vocabulary);
void add_nvm_actions(rules::Vocabulary& vocabulary);
void add_private_memory(rules::Vocabulary& vocabulary);  // facts and actions of conversions
void add_snp_launch(rules::Vocabulary& vocabulary);      // facts and actions of a launch
void add_run_actions(rules::Vocabulary& vocabulary);     // ends of the VM, port I/O
void add_start_actions(rules::Vocabulary& vocabulary);
// What only proposals use.
void add_launch_protection(rules::Vocabulary& vocabulary);
void add_mmio_fault_flag(rules::Vocabulary& vocabulary);

inline unsigned thread_of(const View& view) {
  return view.is_vcpu_thread() ? view.vcpu() : machine::kVmmActor;
}

inline Record process_record(View& view) { return kProcess.at(view.store(), 0); }
inline ConstRecord process_record(const View& view) { return kProcess.at(view.store(), 0); }
inline Record thread_record(View& view) { return kThreads.at(view.store(), thread_of(view)); }
inline ConstRecord thread_record(const View& view) {
  return kThreads.at(view.store(), thread_of(view));
}
inline Record run_record(View& view) { return kvm_uapi::kRuns.at(view.store(), view.vcpu()); }
inline ConstRecord run_record(const View& view) {
  return kvm_uapi::kRuns.at(view.store(), view.vcpu());
}

// Where this thread is in the address space, if at any region. A place has a memslot of its own.
inline bool has_region(const View& view) { return thread_record(view).get(thread::kRegion) != 0; }
inline std::uint64_t place_index(const View& view) {
  NPTSIM_CHECK(has_region(view));
  return thread_record(view).get(thread::kRegion) - 1;
}
inline const machine::Region& place_setup(const View& view) {
  return view.setup().regions[place_index(view)];
}
inline Record place_record(View& view) { return kRegions.at(view.store(), place_index(view)); }
inline ConstRecord place_record(const View& view) {
  return kRegions.at(view.store(), place_index(view));
}

// The region that is seen at a place: another one if the place is an alias. All that is the
// device's, or the memory's, is the region's.
inline std::uint64_t region_shown_at(const Store& store, std::uint64_t place) {
  const std::uint64_t alias = kRegions.at(store, place).get(region::kAlias);
  return alias == 0 ? place : alias - 1;
}
inline std::uint64_t region_index(const View& view) {
  return region_shown_at(view.store(), place_index(view));
}
inline const machine::Region& region_setup(const View& view) {
  return view.setup().regions[region_index(view)];
}
inline Record region_record(View& view) { return kRegions.at(view.store(), region_index(view)); }
inline ConstRecord region_record(const View& view) {
  return kRegions.at(view.store(), region_index(view));
}
// Offset in the region of the place's first byte: an alias shows the region's end.
inline std::uint64_t alias_offset(const View& view) {
  return region_setup(view).size - place_setup(view).size;
}

// QEMU's own loads and stores to the mapping behind a region. What the guest encrypted is
// ciphertext here. False if the mapping's protection does not allow it: the process then dies of
// the signal, and the VM has ended.
bool load_mapping(View& view, const machine::Region& region, std::uint64_t offset, void* data,
                  std::uint64_t size);
bool store_mapping(View& view, const machine::Region& region, std::uint64_t offset,
                   const void* data, std::uint64_t size);

// 0x and digits, as PRIx64 prints them.

// What QEMU prints of a conversion that it does not make: the region has no guest_memfd, or ends
// too early.
std::string conversion_refused(const View& view);
std::string conversion_overrun(const View& view);

// The event `device`: what the piece under way is for the device.
machine::EventFields device_fields(const View& view);

// The piece under way: where in the region, its bytes, and these of the access as a number.
inline std::uint64_t piece_offset(const View& view) {
  return thread_record(view).get(thread::kOffset);
}
inline unsigned piece_width(const View& view) {
  return static_cast<unsigned>(thread_record(view).get(thread::kPieceSize));
}
std::uint64_t piece_value(const View& view);
void set_piece_value(View& view, std::uint64_t value);

template <bool (*next)(View&, const Args&, std::uint64_t&)>
rules::IteratorDef iterator(std::string name, std::string text) {
  rules::IteratorDef def;
  def.name = std::move(name);
  def.next = rules::iterator_of<View, next>;
  def.text = std::move(text);
  return def;
}

// PCMachineState.max_fw_size (`max-fw-size`), as it is if nobody sets it.
inline constexpr std::uint64_t kMaxFirmwareSize = 8ull << 20;

}  // namespace nptsim::qemu

#endif  // NPTSIM_MODELS_VMM_QEMU_DEFINE_H_
