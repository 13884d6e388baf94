// The naive twin of the walk: the manual's sentences one after the other, slow, without masks,
// templates or anything else of sim/arch/svm. Tests compare both on many machines.
#ifndef NPTSIM_TESTS_ARCH_TWIN_H_
#define NPTSIM_TESTS_ARCH_TWIN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace nptsim::twin {

using Word = std::uint64_t;

enum class Mode { kNoPaging, kTwoLevel, kPae, kFourLevel, kFiveLevel };
enum class Kind { kRead, kWrite, kFetch };
enum class Who { kUser, kSupervisor, kImplicit };

struct Machine {
  int raw_width = 48;  // Fn8000_0008
  int reduction = 0;   // Fn8000_001F
  int c_bit = -1;
  bool encryption_on = false;  // SYSCFG
  bool gigabyte_pages = true;
  bool knows_snp = false;
  bool sev = false;
  // Host at VMRUN.
  bool host_nxe = true, host_smep = false, host_la57 = false;
  bool gmet = false, rogpt = false;
  Word nested_cr3 = 0;
  // Guest.
  Mode mode = Mode::kFourLevel;
  bool nxe = true, wp = true, smep = false, smap = false, ac = false, pse = true;
  Word cr3 = 0;
};

enum class What { kDone, kGeneralProtection, kPageFault, kNestedFault, kUnspecified };
struct Answer {
  What what = What::kDone;
  Word spa = 0;                 // kDone
  Word code = 0, address = 0;   // faults: error code and CR2, or EXITINFO1 and EXITINFO2
  std::map<Word, Word> writes;  // A and D updates: place and 8-byte word
};

class Walker {
 public:
  Walker(const Machine& machine, std::function<Word(Word)> read_word)
      : m_(machine), memory_(std::move(read_word)) {}
  Answer access(Word linear, Kind kind, Who who);

 private:
  struct Entry {
    Word value = 0;
    Word place = 0;  // SPA
    int level = 0;
    bool is_leaf = false;
  };
  struct Nested {
    bool good = false;
    Word spa = 0;
  };
  static bool bit_of(Word w, int n) { return ((w >> n) & 1) != 0; }
  Word load(Word spa, int bytes) const;
  void store(Word spa, Word value, int bytes);
  bool c_has_meaning(bool nested) const;
  Word number_part(Word entry, bool nested, int high, int low) const;
  bool must_be_zero(bool nested, int level, bool leaf, int bit) const;
  bool any_reserved(const Entry& e, bool nested) const;
  bool leaf_at(bool nested, int level, Word value) const;
  int page_bits(bool nested, int level) const;
  Nested nested_walk(Word gpa, bool for_table, Kind kind, bool table_write);
  Answer& nested_fault(Word gpa, bool for_table, Kind kind, bool write, bool present, bool rsv);
  Answer& guest_fault(bool present, bool rsv);
  bool guest_rights_ok(const std::vector<Entry>& used) const;

  Machine m_;
  std::function<Word(Word)> memory_;
  Answer answer_;
  Word linear_ = 0;
  Kind kind_ = Kind::kRead;
  Who who_ = Who::kSupervisor;
};

}  // namespace nptsim::twin

#endif  // NPTSIM_TESTS_ARCH_TWIN_H_
