// One recorded access as an instruction: its bytes and the registers that it starts with.
#ifndef NPTSIM_TESTS_ORACLE_KVM_ACCESS_H_
#define NPTSIM_TESTS_ORACLE_KVM_ACCESS_H_

#include "tests/oracle/kvm_case.h"

namespace nptsim::oracle::kvm {

// Where the instruction lies, unless it is what is fetched.
inline constexpr std::uint64_t kCodeAddress = 0x1000;

struct Access {
  std::string kind;
  unsigned size = 0;
  std::uint64_t gpa = 0;
  Bytes code;  // empty: the code is there already (a fetch)
  isa::Registers registers;
  std::uint64_t end_rip = 0;  // where it has retired
  bool writes = false;        // the processor faults as for a write
  bool string = false;
};

// By the mode; BadStep for a kind or a size that is not known. `cr3` is that of mode long64.
Access make_access(const Step& step, isa::Mode mode, std::uint64_t cr3);

// The kinds that make_access knows.
bool known_kind(const std::string& kind);

}  // namespace nptsim::oracle::kvm

#endif  // NPTSIM_TESTS_ORACLE_KVM_ACCESS_H_
