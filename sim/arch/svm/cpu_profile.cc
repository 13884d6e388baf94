#include "sim/arch/svm/cpu_profile.h"

namespace nptsim::svm {
namespace {

std::string number(unsigned n) { return std::to_string(n); }

class Checker {
 public:
  void refuse_if(bool wrong, std::string why) {
    if (wrong) reasons_.push_back(std::move(why));
  }
  std::vector<std::string> take() { return std::move(reasons_); }

 private:
  std::vector<std::string> reasons_;
};

void check_widths(const CpuProfile& p, Checker& c) {
  c.refuse_if(
      p.maxphyaddr < 36 || p.maxphyaddr > 52,
      "maxphyaddr is " + number(p.maxphyaddr) + "; a long-mode processor has 36 to 52 bits");
  c.refuse_if(p.reduction >= 32 || p.reduction + 32 > p.maxphyaddr,
              "reduction is " + number(p.reduction) + ", which leaves fewer than 32 address bits");
  c.refuse_if(p.reduction > 0 && !p.features.sme && !p.features.sev,
              "reduction is " + number(p.reduction) + " on a part without SME and SEV");
  c.refuse_if(p.c_bit && (*p.c_bit < 32 || *p.c_bit > 51),
              "c_bit is " + number(p.c_bit.value_or(0)) + "; it must be an address bit, 32 to 51");
}

void check_encryption(const CpuProfile& p, Checker& c) {
  const CpuFeatures& f = p.features;
  const bool any = f.sme || f.sev;
  c.refuse_if(any && !p.c_bit, "SME or SEV needs a c_bit");
  c.refuse_if(!any && p.c_bit.has_value(), "a c_bit has no meaning without SME and SEV");
  c.refuse_if(p.memory_encryption && !any, "memory_encryption is on without SME and SEV");
  c.refuse_if(f.sev_es && !f.sev, "sev_es needs sev");
  c.refuse_if(f.snp && !f.sev_es, "snp needs sev_es");
  c.refuse_if(f.vmpl_sss && !f.snp, "vmpl_sss needs snp");
  c.refuse_if(f.virtual_tom && !f.snp, "virtual_tom needs snp");
  c.refuse_if(f.sev && p.encrypted_guests == 0, "sev needs encrypted_guests of at least 1");
  c.refuse_if(p.encrypted_guests >= p.asids && p.encrypted_guests > 0,
              "encrypted_guests is " + number(p.encrypted_guests) + ", but there are only " +
                  number(p.asids) + " ASIDs, of which 0 is the host's");
  c.refuse_if(f.snp && p.vmpls == 0, "snp needs at least one VMPL");
}

// Where the RMP lies matters only once SNP is on.
void check_rmp(const CpuProfile& p, Checker& c) {
  c.refuse_if(p.vmpls > kVmpls,
              "vmpls is " + number(p.vmpls) + "; an RMP entry has rights of " + number(kVmpls));
  c.refuse_if(p.secure_nested_paging && !p.features.snp, "secure_nested_paging needs snp");
  if (!p.checks_rmp()) return;
  for (const std::string& why : contradictions(p.rmp, p.host_width())) c.refuse_if(true, why);
}

}  // namespace

std::vector<std::string> contradictions(const CpuProfile& profile) {
  Checker checker;
  check_widths(profile, checker);
  if (auto widths = checker.take(); !widths.empty()) return widths;
  check_encryption(profile, checker);
  check_rmp(profile, checker);
  return checker.take();
}

}  // namespace nptsim::svm
