// Guest memory as an instruction sees it: linear addresses through the TLB (if on) and the walk.
#ifndef NPTSIM_SIM_ARCH_SVM_GUEST_PORT_H_
#define NPTSIM_SIM_ARCH_SVM_GUEST_PORT_H_

#include "sim/arch/svm/tlb.h"
#include "sim/isa/memory_port.h"

namespace nptsim::svm {

class GuestPort final : public isa::MemoryPort {
 public:
  GuestPort(arch::PhysicalMemory& memory, unsigned vcpu, VcpuRecord& record,
            const WalkContext& context, WalkListener* listener)
      : memory_(memory), record_(record), context_(context),
        tlb_(memory.store(), vcpu, record), listener_(listener) {}

  isa::PortStatus load(GuestVirtAddr address, void* data, unsigned size,
                       isa::Privilege privilege) override;
  isa::PortStatus store(GuestVirtAddr address, const void* data, unsigned size,
                        isa::Privilege privilege) override;
  isa::PortStatus load_for_update(GuestVirtAddr address, void* data, unsigned size, bool locked,
                                  isa::Privilege privilege) override;
  isa::PortStatus prepare_store(GuestVirtAddr address, unsigned size,
                                isa::Privilege privilege) override;

  // An instruction fetch with the privilege of the CPL. `size` bytes within one page.
  bool fetch(GuestVirtAddr address, void* data, unsigned size);

  // Why the last call was stopped.
  const Failure& failure() const { return failure_; }
  Tlb& tlb() { return tlb_; }

 private:
  // The one or two pages of an access.
  struct Parts {
    Translation first, second;
    unsigned first_size = 0;
    unsigned second_size = 0;
  };
  Access access_of(AccessKind kind, isa::Privilege privilege) const;
  bool translate_one(GuestVirtAddr gva, Access access, Translation& result);
  bool translate_parts(GuestVirtAddr gva, unsigned size, Access access, Parts& parts);
  void read(const Parts& parts, void* data) const;

  arch::PhysicalMemory& memory_;
  VcpuRecord& record_;
  const WalkContext& context_;
  Tlb tlb_;
  WalkListener* listener_;
  Failure failure_;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_GUEST_PORT_H_
