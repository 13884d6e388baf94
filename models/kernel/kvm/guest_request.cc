// Guest requests of SNP guests: messages to the AMD-SP that KVM passes on (Linux
// arch/x86/kvm/svm/sev.c snp_handle_guest_req, snp_handle_ext_guest_req; AMD-ASPFW sev_mcmd.c
// snp_mcmd_guest_request). What a message says is encrypted for the firmware and not modelled.
#include <utility>

#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/guest_memory.h"
#include "models/kernel/kvm/launch.h"
#include "sim/arch/svm/ghcb.h"

namespace nptsim::kvm {
namespace {

namespace ghcb = svm::ghcb;

// struct snp_guest_msg_hdr.
constexpr unsigned kAlgo = 0x30, kHeaderVersion = 0x31, kHeaderSize = 0x32, kMessageType = 0x34,
                   kMessageSize = 0x36, kVmpck = 0x3c, kHeaderBytes = 0x60;
constexpr std::uint8_t kReportRequest = 5;  // SNP_MSG_REPORT_REQ

GuestPhysAddr request_page(const View& view) {
  return GuestPhysAddr(vcpu_of(view).get(vcpu::kExitInfo1));
}
std::uint64_t field(View& view, unsigned offset, unsigned size) {
  std::uint64_t value = 0;
  read_guest(view, request_page(view) + offset, &value, size);
  return value;
}

// --- facts ---

unsigned pages(const View& view) {
  const std::uint64_t request = vcpu_of(view).get(vcpu::kExitInfo1);
  const std::uint64_t response = vcpu_of(view).get(vcpu::kExitInfo2);
  return ((request | response) & kPageMask) == 0 && request != response;
}
template <const Field& page>
unsigned has_slot(const View& view) {
  const auto found = slot_of(view.store(), vcpu_of(view).get(page) >> kPageShift);
  return found && !found->invalid;
}
unsigned certificates(const View& view) {
  const ConstRecord vcpu = vcpu_of(view);
  const ghcb::ValidBitmap bitmap{vcpu.get(vcpu::kValid0), vcpu.get(vcpu::kValid1)};
  return bitmap.has(ghcb::kRax) && bitmap.has(ghcb::kRbx) &&
         (vcpu.get(vcpu::kRax) & kPageMask) == 0;
}

// --- actions ---

ActionResult read_message_type(View& view, const Args&) {
  return ActionResult::done().give(0, field(view, kMessageType, 1) == kReportRequest ? 1 : 0);
}

// 24 bytes of zero: a table of certificates without entries.
ActionResult clear_certificates(View& view, const Args&) {
  const ConstRecord vcpu = vcpu_of(std::as_const(view));
  if (vcpu.get(vcpu::kRbx) == 0) return give(true);  // a buffer of no pages
  const GuestPhysAddr data(vcpu.get(vcpu::kRax));
  const std::uint64_t zero[3] = {};
  return give(write_guest(view, data, zero, sizeof zero));
}

// The header that the firmware looks at before it decrypts anything.
ActionResult check_message(View& view, const Args&) {
  const std::uint64_t size = field(view, kMessageSize, 2);
  const bool good = field(view, kAlgo, 1) == 1 && field(view, kHeaderVersion, 1) == 1 &&
                    field(view, kHeaderSize, 2) == kHeaderBytes && size != 0 && size % 16 == 0 &&
                    kHeaderBytes + size <= kPageSize && field(view, kVmpck, 1) < svm::kVmpls;
  return give(good);
}

// SW_EXITINFO2: the VMM's error in 63:32, the firmware's in 31:0.
ActionResult answer_firmware_error(View& view, const Args&) {
  const auto value = static_cast<std::uint64_t>(svm::FirmwareStatus::kInvalidParam);
  const GuestPhysAddr page(vcpu_of(std::as_const(view)).get(vcpu::kGhcbGpa));
  write_guest(view, page + ghcb::kExitInfo2.offset, &value, 8);
  return ActionResult::done().note(value);
}

}  // namespace

void add_guest_request(rules::Vocabulary& v) {
  const std::vector<std::string> slots = {"no-slot", "some"};
  v.add(fact<pages>("guest_request.pages", {"bad", "ok"},
                    "request and response: whole pages, and not the same"));
  v.add(fact<has_slot<vcpu::kExitInfo1>>("guest_request.request", slots, "SW_EXITINFO1"));
  v.add(fact<has_slot<vcpu::kExitInfo2>>("guest_request.response", slots, "SW_EXITINFO2"));
  v.add(fact<certificates>("guest_request.data", {"bad", "ok"},
                           "RAX and RBX are valid, RAX is a page"));
  v.add(given("guest_message", {"other", "report"}, "the type of the guest's message"));
  v.add(given("message_header", {"ok", "bad"}, "what the firmware reads before it decrypts"));
  v.add(
      given("certificates", {"done", "failed"}, "whether the guest's data page could be written"));
  v.add(giving({"guest_message"}, action<read_message_type>("read_message_type", {}, "nothing",
                                                            "snp_guest_msg_hdr.msg_type")));
  v.add(giving({"certificates"},
               action<clear_certificates>("clear_certificates", {}, "the guest's data page",
                                          "an empty certificate table")));
  v.add(giving({"message_header"}, action<check_message>("check_message", {}, "nothing",
                                                         "SNP_GUEST_REQUEST, as far as the "
                                                         "message's header decides")));
  v.add(action<answer_firmware_error>("answer_firmware_error", {}, "the GHCB",
                                      "SW_EXITINFO2: INVALID_PARAM"));
}

}  // namespace nptsim::kvm
