// What a walk tells while it happens. Without a listener none of it is built: a walk is compiled
// twice, and only one of the two knows of listeners.
#ifndef NPTSIM_SIM_ARCH_SVM_WALK_OBSERVER_H_
#define NPTSIM_SIM_ARCH_SVM_WALK_OBSERVER_H_

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/fault.h"

namespace nptsim::svm {

enum class WhichTables : u8 { kGuest, kNested };

struct EntryRead {
  WhichTables tables = WhichTables::kNested;
  Stage stage = Stage::kFinal;  // nested: for a guest table, or for the final address
  u8 level = 0;
  u8 guest_level = 0;  // nested, Stage::kTable: of the guest entry that is looked for
  GuestPhysAddr gpa;   // guest entries: where the entry is; nested: what is translated
  HostPhysAddr spa;    // where the entry is
  arch::KeyId key;     // it was read with
  u64 word = 0;
  EntryClass meaning;
};

struct EntryWrite {  // of A and D bits
  WhichTables tables = WhichTables::kNested;
  u8 level = 0;
  HostPhysAddr spa;
  u64 before = 0;
  u64 after = 0;
};

struct Translated {
  Access access;
  GuestVirtAddr gva;
  GuestPhysAddr gpa;
  HostPhysAddr spa;
  arch::KeyId key;
  unsigned page_shift = 0;  // of the smaller page
  bool is_private = false;  // the effective C-bit
  bool from_tlb = false;
};

// What an instruction made of an RMP entry (rmp_instructions.h).
struct RmpNote {
  std::string_view instruction;
  RuleId rule = RuleId::kNone;
  bool ends = true;  // with a code; else it faulted
  u64 code = 0;
  bool carry = false;
  bool has_page = false;  // its address led to a page:
  GuestVirtAddr gva;
  GuestPhysAddr gpa;
  HostPhysAddr spa;
  bool covered = false;  // which has an entry:
  u64 before[2] = {}, after[2] = {};
};

class WalkListener {
 public:
  virtual ~WalkListener() = default;
  virtual void on_entry_read(const EntryRead&) {}
  virtual void on_entry_write(const EntryWrite&) {}
  virtual void on_translated(const Translated&, RuleId) {}
  virtual void on_failure(const Failure&) {}
  virtual void on_rmp_instruction(const RmpNote&) {}
};

// The two observers that walks are compiled for.
struct NullObserver {
  static constexpr bool kListening = false;
};
struct ListeningObserver {
  static constexpr bool kListening = true;
  WalkListener* listener;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_WALK_OBSERVER_H_
