// Memory as KVM's instruction emulator sees it: memslots first, MMIO otherwise.
//
// Linux arch/x86/kvm/x86.c emulator_read_write. A read that finds no memory asks user space, in
// pieces of at most 8 bytes, and the instruction runs again with the answers; writes that find none
// are kept as fragments and leave after the instruction is done.
#ifndef NPTSIM_MODELS_KERNEL_KVM_EMULATOR_PORT_H_
#define NPTSIM_MODELS_KERNEL_KVM_EMULATOR_PORT_H_

#include <optional>
#include <vector>

#include "models/kernel/kvm/guest_walk.h"
#include "sim/isa/memory_port.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

struct MmioFragment {
  GuestPhysAddr gpa;
  unsigned length = 0;  // 1 to 8
  std::uint64_t data = 0;
};

class EmulatorPort final : public isa::MemoryPort {
 public:
  // `use_fault_gpa`: the instruction has one memory operand, so the address of the fault is its own
  // (Linux arch/x86/kvm/emulate.c emulator_can_use_gpa).
  EmulatorPort(machine::OpenView& view, bool use_fault_gpa);

  isa::PortStatus load(GuestVirtAddr address, void* data, unsigned size,
                       isa::Privilege privilege) override;
  isa::PortStatus store(GuestVirtAddr address, const void* data, unsigned size,
                        isa::Privilege privilege) override;
  isa::PortStatus load_for_update(GuestVirtAddr address, void* data, unsigned size, bool locked,
                                  isa::Privilege privilege) override;
  isa::PortStatus prepare_store(GuestVirtAddr address, unsigned size,
                                isa::Privilege privilege) override;

  // Instruction bytes; fewer than asked for where memory ends, or where the guest's own tables do:
  // then page_fault() says so.
  unsigned fetch(GuestVirtAddr address, void* data, unsigned size);

  // Why the last call stopped: a read that user space must answer, or a #PF of the guest.
  const std::optional<MmioFragment>& pending_read() const { return pending_read_; }
  struct PageFault {
    GuestVirtAddr address;
    std::uint32_t error_code = 0;
  };
  const std::optional<PageFault>& page_fault() const { return page_fault_; }

  // Writes memory what the instruction stored there, and gives the fragments that it did not.
  std::vector<MmioFragment> commit();

 private:
  std::optional<GuestPhysAddr> translate(GuestVirtAddr address, WalkFor access,
                                         isa::Privilege privilege);
  unsigned read_devices(GuestPhysAddr gpa, char* data, unsigned size);
  void read_piece(GuestPhysAddr gpa, char* data, unsigned size);
  bool take_answers();

  struct Store {
    GuestPhysAddr gpa;
    std::vector<char> bytes;  // within one page
  };

  machine::OpenView& view_;
  bool use_fault_gpa_;
  // What a read left for user space, in order, and how much of that is answered.
  struct Asked {
    GuestPhysAddr gpa;
    char* data;
    unsigned length;
  };
  std::vector<Asked> asked_;
  unsigned answers_used_ = 0;
  std::vector<Store> stores_;
  std::optional<MmioFragment> pending_read_;
  std::optional<PageFault> page_fault_;
};

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_EMULATOR_PORT_H_
