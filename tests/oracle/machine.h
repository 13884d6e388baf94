// The machine that a row describes, and what becomes of its access there.
#ifndef NPTSIM_TESTS_ORACLE_MACHINE_H_
#define NPTSIM_TESTS_ORACLE_MACHINE_H_

#include <map>
#include <memory>

#include "sim/arch/svm/cpu.h"
#include "tests/oracle/row.h"

namespace nptsim::oracle {

struct Observed {
  bool ended = false;  // with an exit, as every row does
  std::string text;    // else: how the attempt ended
  u64 exit = 0, info1 = 0, info2 = 0, intinfo = 0;
  u64 rip_delta = 0, rax = 0, mem = 0;
  Changes changed;
};

// One machine for all rows: each row writes its own words over those of the last.
class Machine {
 public:
  Machine();
  Observed run(const Row& row);

 private:
  struct Part {  // one CPU for each MAXPHYADDR
    svm::CpuProfile profile;
    std::unique_ptr<svm::Cpu> cpu;
  };
  svm::Cpu& cpu_for(unsigned maxphyaddr);
  void write_constants();
  void write_row(const Row& row);
  void write_data(const Row& row);
  void write_code(const Row& row);
  void set_registers(const Row& row);
  Observed observe(const Row& row, const svm::Attempt& attempt, u64 first_rip);

  u64 word(u64 spa) const { return store_.read(Space::kDram, spa / 8); }
  void set_word(u64 spa, u64 value) { store_.write(Space::kDram, spa / 8, value); }

  Store store_;
  std::map<unsigned, Part> parts_;
  u64 data_ = 0;  // where the last row's data lie
};

}  // namespace nptsim::oracle

#endif  // NPTSIM_TESTS_ORACLE_MACHINE_H_
