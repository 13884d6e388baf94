// From a failed translation to the words that a guest or a host reads: the #PF error code and CR2,
// EXITINFO1 and EXITINFO2 of a #NPF. Built only from named bits.
#ifndef NPTSIM_SIM_ARCH_SVM_EXIT_INFO_H_
#define NPTSIM_SIM_ARCH_SVM_EXIT_INFO_H_

#include <string>
#include <string_view>
#include <vector>

#include "sim/arch/svm/fault.h"

namespace nptsim::svm {

// Bits of a #PF error code and of EXITINFO1 alike (APM vol. 2 rev. 3.45, 8.4.2, 15.25.6, 15.36.10).
inline constexpr u64 kErrorP = bit(0), kErrorRw = bit(1), kErrorUs = bit(2), kErrorRsv = bit(3),
                     kErrorId = bit(4), kErrorPk = bit(5), kErrorSs = bit(6), kErrorRmp = bit(31),
                     kErrorFinal = bit(32), kErrorTable = bit(33), kErrorEnc = bit(34),
                     kErrorSizem = bit(35), kErrorVmpl = bit(36), kErrorSss = bit(37),
                     kErrorNotRestartable = bit(63);

struct ErrorBit {
  u64 mask;
  std::string_view name;  // the APM's
  std::string_view meaning;
};
inline constexpr ErrorBit kNpfBits[] = {
    {kErrorP, "P", "the nested entry was present"},
    {kErrorRw, "RW", "the access was a nested write"},
    {kErrorUs, "US", "a user access for the nested tables"},
    {kErrorRsv, "RSV", "a reserved bit was set in a nested entry"},
    {kErrorId, "ID", "an instruction fetch"},
    {kErrorSs, "SS", "a shadow stack access"},
    {kErrorRmp, "RMP", "an RMP check failed"},
    {kErrorFinal, "final", "while translating the final address"},
    {kErrorTable, "table", "while translating the address of a guest table"},
    {kErrorEnc, "ENC", "the effective C-bit was 1"},
    {kErrorSizem, "SIZEM", "page size mismatch of PVALIDATE or RMPADJUST"},
    {kErrorVmpl, "VMPL", "the VMPL permission check failed"},
    {kErrorSss, "SSS", "the supervisor shadow stack marking"},
    {kErrorNotRestartable, "not-restartable", "the instruction cannot be restarted"},
};

// EXITINFO1 in the words that scenarios use (docs/formats.md).
struct ErrorWord {
  u64 mask;
  std::string_view word;
};
inline constexpr ErrorWord kErrorWords[] = {
    {kErrorP, "present"},   {kErrorRw, "write"},    {kErrorUs, "user"}, {kErrorRsv, "rsvd"},
    {kErrorId, "fetch"},    {kErrorPk, "pk"},       {kErrorSs, "ss"},   {kErrorRmp, "rmp"},
    {kErrorFinal, "final"}, {kErrorTable, "table"}, {kErrorEnc, "enc"}, {kErrorSizem, "sizem"},
    {kErrorVmpl, "vmpl"},   {kErrorSss, "sss"},
};

inline std::vector<std::string> error_words(u64 code) {
  std::vector<std::string> words;
  for (const ErrorWord& row : kErrorWords) {
    if (code & row.mask) words.emplace_back(row.word);
  }
  return words;
}

// What the codes depend on beside the failure.
struct GuestErrorRules {
  bool id_reported = false;  // NXE with PAE or long-mode tables, or SMEP
};
struct NestedErrorRules {
  bool id_reported = false;  // hEFER.NXE or hCR4.SMEP
  bool gmet = false;
  bool enc_reported = false;  // a guest with SEV on a part that knows SNP
};

// For failures of the guest's own tables.
constexpr u64 page_fault_error_code(const Failure& f, const GuestErrorRules& rules) {
  u64 code = 0;
  if (f.kind != FailureKind::kGuestNotPresent) code |= kErrorP;
  if (f.access.kind == AccessKind::kWrite) code |= kErrorRw;
  if (f.access.privilege == Privilege::kUser) code |= kErrorUs;
  if (f.kind == FailureKind::kGuestReserved) code |= kErrorRsv;
  if (f.access.kind == AccessKind::kFetch && rules.id_reported) code |= kErrorId;
  return code;
}

// For failures of the nested tables (APM vol. 2 rev. 3.45, 15.25.6). Exactly one of bits 32 and 33.
constexpr u64 npf_exit_info_1(const Failure& f, const NestedErrorRules& rules) {
  const bool fetch = f.stage == Stage::kFinal && f.access.kind == AccessKind::kFetch;
  // "User" to the nested tables is every access of a guest; with GMET a fetch tells the guest's own
  // mode (15.25.13; erratum 1218: some parts get this bit wrong).
  const bool user = !(rules.gmet && fetch) || f.access.privilege == Privilege::kUser;
  u64 info = f.stage == Stage::kFinal ? kErrorFinal : kErrorTable;
  if (f.kind != FailureKind::kNestedNotPresent) info |= kErrorP;
  if (f.nested_write) info |= kErrorRw;
  if (user) info |= kErrorUs;
  if (f.kind == FailureKind::kNestedReserved) info |= kErrorRsv;
  if (fetch && rules.id_reported) info |= kErrorId;
  if (f.is_private && rules.enc_reported) info |= kErrorEnc;
  return info | f.extra;
}

// The faulting GPA: of the guest's table entry, or of the first byte that failed. Recordings of
// hardware show a final fetch by its page only: rule npf.fetch-page.
constexpr u64 npf_exit_info_2(const Failure& f) {
  const bool fetch = f.stage == Stage::kFinal && f.access.kind == AccessKind::kFetch;
  return fetch ? f.gpa.page_base().value : f.gpa.value;
}

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_EXIT_INFO_H_
