#include "models/guest/common/ghcb_call.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sim/arch/svm/exits.h"

namespace nptsim::guest {
namespace {

namespace ghcb = svm::ghcb;
using machine::Hex;
using svm::AccessKind;

// Version 2 is what both guests negotiate with every current hypervisor; usage 0 is this layout.
// Linux sev_es_ghcb_hv_call writes both each time, edk2 once, in SEC (SevEsProtocolCheck; its
// version comes out as 0, see ovmf/rows/sec.yaml). KVM looks at the usage alone.
constexpr std::uint16_t kVersion = 2;
constexpr std::uint32_t kUsage = 0;

bool write(GuestView& view, unsigned offset, const void* data, unsigned size) {
  const GuestVirtAddr at(ghcb_page(view).value + offset);
  std::uint8_t bytes[64];
  std::memcpy(bytes, data, size);
  return view.access(AccessKind::kWrite, at, bytes, size);
}
bool read(GuestView& view, unsigned offset, void* data, unsigned size) {
  return view.access(AccessKind::kRead, GuestVirtAddr(ghcb_page(view).value + offset), data, size);
}

bool write_field(GuestView& view, const ghcb::GhcbField& field,
                 const std::optional<std::uint64_t>& value) {
  return !value || write(view, field.offset, &*value, field.size);
}

void tell_request(GuestView& view, const GhcbRequest& request) {
  if (view.narrator() == nullptr) return;
  machine::EventFields fields{{"request", request_name(request.exit_code)},
                              {"exit_code", Hex{request.exit_code}},
                              {"exit_info_1", Hex{request.info_1}},
                              {"exit_info_2", Hex{request.info_2}}};
  if (request.scratch) fields.add("scratch", Hex{ghcb_page(view).value + ghcb::kSharedBuffer});
  if (request.data_size != 0) fields.add("data", Hex{request.data});
  const auto add = [&](const char* name, const std::optional<std::uint64_t>& value) {
    if (value) fields.add(name, Hex{*value});
  };
  add("rax", request.rax);
  add("rcx", request.rcx);
  add("rdx", request.rdx);
  add("xcr0", request.xcr0);
  add("cpl", request.cpl);
  view.say("ghcb", std::move(fields));
}

unsigned ghcb_fact(const GuestView& view) { return has_ghcb(view); }

// --- VMGEXIT ---

ActionResult vmgexit(GuestView& view, const Args&) {
  view.control().ghcb_msr = ghcb_page(view).value;
  view.vmgexit();
  return ActionResult::done();
}

ActionResult vmgexit_msr(GuestView& view, const Args&) {
  view.vmgexit();
  return ActionResult::done();
}

// terminate_msr: set, reason
ActionResult terminate_msr(GuestView& view, const Args& args) {
  const auto set = static_cast<unsigned>(args.get(0)), reason = static_cast<unsigned>(args.get(1));
  const std::uint64_t msr = ghcb::msr_terminate(set, reason);
  view.control().ghcb_msr = msr;
  view.say("ghcb", {{"request", std::string("TERMINATE")},
                    {"msr", Hex{msr}},
                    {"reason_set", std::uint64_t{set}},
                    {"reason_code", std::uint64_t{reason}}});
  return ActionResult::done();
}

// --- answers ---

constexpr const char* kAnswerWords[] = {"ok", "gp", "ud", "other-exception", "malformed", "other"};

// read_status: info
ActionResult read_status(GuestView& view, const Args& args) {
  std::uint64_t info[2] = {};
  if (!read(view, ghcb::kExitInfo1.offset, info, sizeof info)) return ActionResult::stopped();
  const auto answer = static_cast<unsigned>(vmm_answer_of(info[0], info[1]));
  if (args.has(0)) args.set(0, info[1]);
  if (view.narrator() != nullptr) {
    view.say("ghcb", {{"answer", std::string(kAnswerWords[answer])},
                      {"exit_info_1", Hex{info[0]}},
                      {"exit_info_2", Hex{info[1]}}});
  }
  return ActionResult::done().give(0, answer);
}

// take_data: size
ActionResult take_data(GuestView& view, const Args& args) {
  std::uint64_t data = 0;
  const auto size = static_cast<unsigned>(std::min<std::uint64_t>(args.get(0), 8));
  if (!read_shared_buffer(view, size, data)) return ActionResult::stopped();
  view.registers().gpr[isa::kRax] = data;
  view.say("ghcb", {{"answer", std::string("data")}, {"data", Hex{data}}});
  return ActionResult::done().note(data);
}

// fill_mmio_read: address, size
ActionResult fill_mmio_read(GuestView& view, const Args& args) {
  const GhcbRequest request = mmio_read_request(GuestPhysAddr(args.get(0)), args.get(1));
  return fill_ghcb(view, request) ? ActionResult::done() : ActionResult::stopped();
}

// fill_mmio_write: address, value, size
ActionResult fill_mmio_write(GuestView& view, const Args& args) {
  const GhcbRequest request =
      mmio_write_request(GuestPhysAddr(args.get(0)), args.get(2), args.get(1));
  return fill_ghcb(view, request) ? ActionResult::done() : ActionResult::stopped();
}

// --- nested handlers ---

// Where a nested handler puts the outer one's request: below all that the stack is used for up to
// the depth at which a further #VC is the end.
constexpr std::uint64_t kBackupBelow = 0x400;

// The parts of the page that requests of these models use.
struct Part {
  unsigned offset, size;
};
constexpr Part kBackedUp[] = {
    {ghcb::kCpl.offset & ~7u, 8}, {ghcb::kRax.offset, 8},   {ghcb::kRcx.offset, 24},
    {ghcb::kExitCode.offset, 32}, {ghcb::kXcr0.offset, 24}, {ghcb::kSharedBuffer, 8},
};

ActionResult copy_parts(GuestView& view, bool restore) {
  std::uint64_t at = view.registers().gpr[isa::kRsp] - kBackupBelow;
  for (const Part& part : kBackedUp) {
    std::uint8_t bytes[64];
    const GuestVirtAddr copy(at);
    const bool read_done = restore ? view.access(AccessKind::kRead, copy, bytes, part.size)
                                   : read(view, part.offset, bytes, part.size);
    if (!read_done) return ActionResult::stopped();
    const bool written = restore ? write(view, part.offset, bytes, part.size)
                                 : view.access(AccessKind::kWrite, copy, bytes, part.size);
    if (!written) return ActionResult::stopped();
    at += part.size;
  }
  return ActionResult::done();
}

ActionResult save_ghcb(GuestView& view, const Args&) { return copy_parts(view, false); }
ActionResult restore_ghcb(GuestView& view, const Args&) { return copy_parts(view, true); }

}  // namespace

ghcb::ValidBitmap GhcbRequest::valid() const {
  ghcb::ValidBitmap bitmap;
  bitmap.set(ghcb::kExitCode);
  bitmap.set(ghcb::kExitInfo1);
  bitmap.set(ghcb::kExitInfo2);
  if (scratch) bitmap.set(ghcb::kScratch);
  if (rax) bitmap.set(ghcb::kRax);
  if (rcx) bitmap.set(ghcb::kRcx);
  if (rdx) bitmap.set(ghcb::kRdx);
  if (xcr0) bitmap.set(ghcb::kXcr0);
  if (cpl) bitmap.set(ghcb::kCpl);
  return bitmap;
}

GuestPhysAddr ghcb_page(const GuestView& view) {
  const std::uint64_t msr = view.control().ghcb_msr;
  if (msr != 0 && (msr & kPageMask) == 0) return GuestPhysAddr(msr);
  const auto& pages = view.setup().ghcbs;
  return view.vcpu() < pages.size() ? pages[view.vcpu()] : GuestPhysAddr();
}

bool has_ghcb(const GuestView& view) { return ghcb_page(view).value != 0; }

bool fill_ghcb(GuestView& view, const GhcbRequest& request) {
  const std::uint64_t software[4] = {request.exit_code, request.info_1, request.info_2,
                                     ghcb_page(view).value + ghcb::kSharedBuffer};
  const unsigned software_size = request.scratch ? 32 : 24;
  const ghcb::ValidBitmap valid = request.valid();
  std::uint8_t tail[6];
  std::memcpy(tail, &kVersion, 2);
  std::memcpy(tail + 2, &kUsage, 4);
  const bool done =
      write(view, ghcb::kExitCode.offset, software, software_size) &&
      write_field(view, ghcb::kRax, request.rax) && write_field(view, ghcb::kRcx, request.rcx) &&
      write_field(view, ghcb::kRdx, request.rdx) && write_field(view, ghcb::kXcr0, request.xcr0) &&
      write_field(view, ghcb::kCpl, request.cpl) &&
      (request.data_size == 0 ||
       write(view, ghcb::kSharedBuffer, &request.data, request.data_size)) &&
      write(view, ghcb::kValidBitmap, &valid, sizeof valid) &&
      write(view, ghcb::kProtocolVersion, tail, sizeof tail);
  if (done) tell_request(view, request);
  return done;
}

GhcbRequest mmio_read_request(GuestPhysAddr address, std::uint64_t size) {
  GhcbRequest request;
  request.exit_code = ghcb::kMmioRead;
  request.info_1 = address.value;
  request.info_2 = size;
  request.scratch = true;
  return request;
}

GhcbRequest mmio_write_request(GuestPhysAddr address, std::uint64_t size, std::uint64_t value) {
  GhcbRequest request = mmio_read_request(address, size);
  request.exit_code = ghcb::kMmioWrite;
  request.data_size = static_cast<unsigned>(std::min<std::uint64_t>(size, 8));
  request.data = request.data_size == 0 ? 0 : value & isa::mask_of_size(request.data_size);
  return request;
}

bool read_outputs(GuestView& view, unsigned wanted, GhcbOutputs& outputs) {
  ghcb::ValidBitmap valid;
  std::uint64_t others[3] = {};  // RCX, RDX, RBX
  if (!read(view, ghcb::kValidBitmap, &valid, sizeof valid)) return false;
  if ((wanted & kOutRax) && !read(view, ghcb::kRax.offset, &outputs.rax, 8)) return false;
  if ((wanted & ~kOutRax) && !read(view, ghcb::kRcx.offset, others, sizeof others)) return false;
  outputs.rcx = others[0];
  outputs.rdx = others[1];
  outputs.rbx = others[2];
  outputs.valid = (valid.has(ghcb::kRax) ? kOutRax : 0u) | (valid.has(ghcb::kRbx) ? kOutRbx : 0u) |
                  (valid.has(ghcb::kRcx) ? kOutRcx : 0u) | (valid.has(ghcb::kRdx) ? kOutRdx : 0u);
  return true;
}

bool read_shared_buffer(GuestView& view, unsigned size, std::uint64_t& data) {
  data = 0;
  return size == 0 || read(view, ghcb::kSharedBuffer, &data, size);
}

bool write_shared_word(GuestView& view, unsigned offset, std::uint64_t word) {
  NPTSIM_CHECK(offset + sizeof word <= ghcb::kSharedBufferSize);
  return write(view, ghcb::kSharedBuffer + offset, &word, sizeof word);
}

std::string request_name(std::uint64_t exit_code) {
  switch (exit_code) {
    case ghcb::kMmioRead:
      return "MMIO_READ";
    case ghcb::kMmioWrite:
      return "MMIO_WRITE";
    case ghcb::kPageStateChange:
      return "PAGE_STATE_CHANGE";
    case ghcb::kUnsupportedEvent:
      return "UNSUPPORTED_EVENT";
    default:
      return svm::exit_name(exit_code);
  }
}

VmmAnswer vmm_answer_of(std::uint64_t info_1, std::uint64_t info_2) {
  const std::uint64_t status = info_1 & 0xffffffff;
  if (status == ghcb::kOk) return VmmAnswer::kOk;
  if (status == ghcb::kMalformed) return VmmAnswer::kMalformed;
  if (status != ghcb::kException) return VmmAnswer::kOther;
  constexpr std::uint64_t kTypeException = 3;
  const std::uint64_t vector = get_bits(info_2, 7, 0);
  if (has_bit(info_2, 31) && get_bits(info_2, 10, 8) == kTypeException) {
    if (vector == isa::kGp) return VmmAnswer::kGp;
    if (vector == isa::kUd) return VmmAnswer::kUd;
  }
  return VmmAnswer::kOtherException;
}

void add_ghcb(rules::Vocabulary& v) {
  v.add(fact<ghcb_fact>("ghcb", {"none", "page"}, "this vCPU has a GHCB page"));
  v.add(given("vmm_answer", {std::begin(kAnswerWords), std::end(kAnswerWords)},
              "SW_EXITINFO1 after VMGEXIT: ok, an exception to raise, or an error"));
  v.add(action<vmgexit>("vmgexit", {}, {}, "the GHCB MSR, the vCPU's exit",
                        "writes the page's address to the MSR; the next row begins a step"));
  v.add(action<vmgexit_msr>("vmgexit_msr", {}, {}, "the vCPU's exit",
                            "VMGEXIT with the request in the MSR; the next row begins a step"));
  v.add(action<terminate_msr>("terminate_msr", {value_arg("set"), value_arg("reason")}, {},
                              "the GHCB MSR", "a termination request of the MSR protocol"));
  rules::ArgDef info = local_arg("info");
  info.required = false;
  v.add(action<read_status>("read_status", {info}, {"vmm_answer"}, "a local: SW_EXITINFO2",
                            "reads SW_EXITINFO1 and SW_EXITINFO2"));
  v.add(action<take_data>("take_data", {value_arg("size")}, {}, "RAX",
                          "the shared buffer, up to 8 bytes"));
  v.add(action<fill_mmio_read>("fill_mmio_read", {value_arg("address"), value_arg("size")}, {},
                               "the GHCB page", "a request MMIO_READ"));
  v.add(action<fill_mmio_write>("fill_mmio_write",
                                {value_arg("address"), value_arg("value"), value_arg("size")}, {},
                                "the GHCB page", "a request MMIO_WRITE"));
  v.add(action<save_ghcb>("save_ghcb", {}, {}, "the stack below RSP",
                          "keeps what an outer handler's request may need"));
  v.add(action<restore_ghcb>("restore_ghcb", {}, {}, "the GHCB page", "brings it back"));
}

}  // namespace nptsim::guest
