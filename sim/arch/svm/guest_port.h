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
      : memory_(memory),
        record_(record),
        context_(context),
        tlb_(memory.store(), vcpu, record),
        listener_(listener) {}

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
  // Where a byte's data is, and the key it goes through.
  struct Target {
    HostPhysAddr spa;
    arch::KeyId key;
  };
  // The one or two pages of an access.
  struct Parts {
    Target first, second;
    unsigned first_size = 0;
    unsigned second_size = 0;
  };
  Access access_of(AccessKind kind, isa::Privilege privilege) const {
    if (privilege == isa::Privilege::kSupervisor) return {kind, Privilege::kImplicitSupervisor};
    return {kind, record_.registers.cpl == 3 ? Privilege::kUser : Privilege::kSupervisor};
  }
  // Through the TLB if it is on and knows the page, else by a walk.
  [[gnu::always_inline]] bool translate_one(GuestVirtAddr gva, Access access, Target& target) {
    if (tlb_.enabled()) {
      if (const Tlb::Entry* e = tlb_.lookup(context_, gva, access)) [[likely]] {
        target = {e->spa(gva), e->key(access, context_.c_rules)};
        if (listener_) [[unlikely]]
          tell_hit(*e, gva, access);
        return true;
      }
    }
    return walk(gva, access, target);
  }
  bool walk(GuestVirtAddr gva, Access access, Target& target);
  void tell_hit(const Tlb::Entry& entry, GuestVirtAddr gva, Access access);
  [[gnu::always_inline]] bool translate_parts(GuestVirtAddr gva, unsigned size, Access access,
                                              Parts& parts);
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
