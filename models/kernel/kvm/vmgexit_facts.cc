// The GHCB and the MSR protocol as KVM reads them.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/vmgexit.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/ghcb.h"

namespace nptsim::kvm {
namespace {

namespace code = svm::exit_code;
namespace ghcb = svm::ghcb;

unsigned ghcb_msr(const View& view) {
  const std::uint64_t msr = view.control().ghcb_msr;
  if (ghcb::msr_code(msr) != 0) return 2;
  return msr == 0 ? 0 : 1;
}

unsigned ghcb_page(const View& view) {
  // kvm_vcpu_map asks for a page that can be written.
  const auto found = slot_of(view.store(), view.control().ghcb_msr >> kPageShift);
  if (!found || found->invalid || found->readonly) return 0;
  const auto page = machine::backing_page(view.store(), found->backing, found->page);
  return page.protection == machine::HostProtection::kReadWrite;
}

struct Nae {
  std::uint64_t code;
  const char* word;
};
constexpr Nae kNae[] = {
    {code::kReadDr7, "read-dr7"},
    {code::kWriteDr7, "write-dr7"},
    {code::kRdtsc, "rdtsc"},
    {code::kRdpmc, "rdpmc"},
    {code::kCpuid, "cpuid"},
    {code::kInvd, "invd"},
    {code::kIoio, "ioio"},
    {code::kMsr, "msr"},
    {code::kVmmcall, "vmmcall"},
    {code::kRdtscp, "rdtscp"},
    {code::kWbinvd, "wbinvd"},
    {code::kMonitor, "monitor"},
    {code::kMwait, "mwait"},
    {ghcb::kMmioRead, "mmio-read"},
    {ghcb::kMmioWrite, "mmio-write"},
    {ghcb::kNmiComplete, "nmi-complete"},
    {ghcb::kApResetHold, "ap-reset-hold"},
    {ghcb::kApJumpTable, "ap-jump-table"},
    {ghcb::kPageStateChange, "page-state"},
    {ghcb::kGuestRequest, "guest-request"},
    {ghcb::kExtGuestRequest, "ext-guest-request"},
    {ghcb::kApCreation, "ap-creation"},
    {ghcb::kRunVmpl, "run-vmpl"},
    {ghcb::kHvFeatures, "hv-features"},
    {ghcb::kTerminate, "terminate"},
    {ghcb::kUnsupportedEvent, "unsupported-event"},
};
constexpr unsigned kNaeCount = sizeof kNae / sizeof kNae[0];

std::vector<std::string> nae_words() {
  std::vector<std::string> words;
  for (const Nae& row : kNae) words.emplace_back(row.word);
  words.emplace_back("unknown");
  return words;
}

unsigned nae(const View& view) {
  const std::uint64_t exit = vcpu_of(view).get(vcpu::kExitCode);
  for (unsigned i = 0; i < kNaeCount; ++i) {
    if (kNae[i].code == exit) return i;
  }
  return kNaeCount;
}

ghcb::ValidBitmap valid_of(const View& view) {
  const ConstRecord vcpu = vcpu_of(view);
  return {vcpu.get(vcpu::kValid0), vcpu.get(vcpu::kValid1)};
}

template <const ghcb::GhcbField& field>
unsigned valid(const View& view) {
  return valid_of(view).has(field);
}

unsigned exit_fields(const View& view) {
  const ghcb::ValidBitmap bitmap = valid_of(view);
  return bitmap.has(ghcb::kExitCode) && bitmap.has(ghcb::kExitInfo1) &&
         bitmap.has(ghcb::kExitInfo2);
}

unsigned usage(const View& view) { return vcpu_of(view).get(vcpu::kUsage) != 0; }

unsigned cpuid_leaf(const View& view) {
  constexpr std::uint64_t kXsaveLeaf = 0xd;
  return vcpu_of(view).get(vcpu::kRax) == kXsaveLeaf;
}

// SW_EXITINFO1 of IOIO: bit 0 IN, bit 2 string (GHCB specification; APM vol. 2, 15.10.2).
unsigned ioio(const View& view) {
  const std::uint64_t info = vcpu_of(view).get(vcpu::kExitInfo1);
  if (has_bit(info, 2)) return 2;
  return has_bit(info, 0) ? 0 : 1;
}

unsigned msr_access(const View& view) { return vcpu_of(view).get(vcpu::kExitInfo1) != 0; }

unsigned scratch(const View& view) { return static_cast<unsigned>(classify_scratch(view)); }
unsigned mmio_piece(const View& view) { return vcpu_of(view).get(vcpu::kMmioDone) != 0; }
unsigned mmio_left(const View& view) { return vcpu_of(view).get(vcpu::kMmioLeft) != 0; }

struct MsrRequest {
  std::uint64_t code;
  const char* word;
};
constexpr MsrRequest kMsrRequests[] = {
    {ghcb::kMsrSevInfoRequest, "sev-info"},
    {ghcb::kMsrCpuidRequest, "cpuid"},
    {ghcb::kMsrApResetHoldRequest, "ap-reset-hold"},
    {ghcb::kMsrPreferredGpaRequest, "preferred-gpa"},
    {ghcb::kMsrRegisterGpaRequest, "register-gpa"},
    {ghcb::kMsrPageStateRequest, "page-state"},
    {ghcb::kMsrRunVmplRequest, "run-vmpl"},
    {ghcb::kMsrHvFeaturesRequest, "hv-features"},
    {ghcb::kMsrTerminate, "terminate"},
};
constexpr unsigned kMsrRequestCount = sizeof kMsrRequests / sizeof kMsrRequests[0];

std::vector<std::string> msr_request_words() {
  std::vector<std::string> words;
  for (const MsrRequest& row : kMsrRequests) words.emplace_back(row.word);
  words.emplace_back("other");
  return words;
}

unsigned msr_request(const View& view) {
  const std::uint64_t request = ghcb::msr_code(view.control().ghcb_msr);
  for (unsigned i = 0; i < kMsrRequestCount; ++i) {
    if (kMsrRequests[i].code == request) return i;
  }
  return kMsrRequestCount;
}

}  // namespace

void add_vmgexit_facts(rules::Vocabulary& v) {
  const std::vector<std::string> missing_valid = {"missing", "valid"};
  constexpr bool kFixed = true;
  v.add(fact<ghcb_msr>("ghcb_msr", {"zero", "page", "protocol"},
                       "MSR C001_0130: 0, a GHCB's address, or a request in bits 11:0"));
  v.add(fact<ghcb_page>("ghcb_page", {"unmappable", "mapped"}, "kvm_vcpu_map of the GHCB"));
  v.add(fact<nae>("nae", nae_words(), "SW_EXITCODE", kFixed));
  v.add(fact<usage>("ghcb_usage", {"ok", "invalid"}, "GHCB offset 0xFFC is 0, or not"));
  v.add(fact<exit_fields>("ghcb.exit_fields", missing_valid,
                          "SW_EXITCODE, SW_EXITINFO1 and SW_EXITINFO2 are valid"));
  v.add(fact<valid<ghcb::kRax>>("ghcb.rax", missing_valid, "valid bit"));
  v.add(fact<valid<ghcb::kRcx>>("ghcb.rcx", missing_valid, "valid bit"));
  v.add(fact<valid<ghcb::kRdx>>("ghcb.rdx", missing_valid, "valid bit"));
  v.add(fact<valid<ghcb::kCpl>>("ghcb.cpl", missing_valid, "valid bit"));
  v.add(fact<valid<ghcb::kXcr0>>("ghcb.xcr0", missing_valid, "valid bit"));
  v.add(fact<valid<ghcb::kScratch>>("ghcb.scratch", missing_valid, "valid bit"));
  v.add(fact<cpuid_leaf>("cpuid_leaf", {"other", "xsave"}, "RAX of a CPUID request: 0xD or not"));
  v.add(fact<ioio>("ioio", {"in", "out", "string"}, "SW_EXITINFO1 of an IOIO request"));
  v.add(fact<msr_access>("msr_access", {"read", "write"}, "SW_EXITINFO1 of an MSR request"));
  v.add(fact<scratch>("scratch",
                      {"zero", "wraps", "shared-buffer", "ghcb-outside-buffer",
                       "elsewhere-too-long", "elsewhere-unreadable", "elsewhere"},
                      "where SW_SCRATCH points, for the length of the request"));
  v.add(fact<mmio_left>("ghcb_mmio_left", kNoYes, "bytes of the MMIO request are still to do"));
  v.add(fact<mmio_piece>("ghcb_mmio_piece", {"first", "later"}, "of the MMIO request under way"));
  v.add(fact<msr_request>("msr_request", msr_request_words(), "bits 11:0 of the GHCB MSR"));
}

}  // namespace nptsim::kvm
