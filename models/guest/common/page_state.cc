// Page-state changes as guests ask for them: lists in the GHCB page (SW_EXITCODE 0x80000010), or
// one page at a time by the MSR protocol (0x014). GHCB specification 2.03, 4.1.6 and 2.3.1.
//
// A guest builds a list and goes over it several times: to validate, to ask, to validate. Here the
// list is a range that is cut into entries the same way each time.
#include <algorithm>
#include <utility>

#include "models/guest/common/ghcb_call.h"
#include "models/guest/common/shared.h"
#include "sim/base/bug.h"

namespace nptsim::guest {
namespace {

namespace ghcb = svm::ghcb;
using machine::Hex;

constexpr std::uint64_t kPrivate = 1;
constexpr unsigned kHeaderSize = 8, kEntrySize = 8;
constexpr std::uint64_t kEntries = (ghcb::kSharedBufferSize - kHeaderSize) / kEntrySize;

// An entry has 2 MByte where the range has them, aligned.
std::uint64_t entry_size(std::uint64_t at, std::uint64_t end, bool large) {
  return large && at % kSize2M == 0 && end - at >= kSize2M ? kSize2M : kPageSize;
}

enum PageOp : unsigned { kOpPrivate, kOpShared };
unsigned page_op(std::uint64_t operation) { return operation == kPrivate ? kOpPrivate : kOpShared; }

// psc_begin: address, pages, end
ActionResult psc_begin(GuestView&, const Args& args) {
  args.set(0, args.get(0) & ~kPageMask);
  args.set(2, args.get(0) + (args.get(1) << kPageShift));
  return ActionResult::done();
}

// psc_batch: address, end, operation, next, large, entries. Behind the pages that `next` ended, the
// next ones; as many as one list has entries for.
ActionResult psc_batch(GuestView&, const Args& args) {
  const std::uint64_t end = args.get(1);
  if (args.get(3) != 0) args.set(0, args.get(3));
  std::uint64_t next = args.get(0);
  for (std::uint64_t n = 0; n < args.get(5) && next < end; ++n) {
    next += entry_size(next, end, args.get(4) != 0);
  }
  args.set(3, next);
  return ActionResult::done().give(0, args.get(0) < end).give(1, page_op(args.get(2)));
}

// psc_entry: from, to, large, size. The entry at `from`: RCX of PVALIDATE goes to `size`.
enum EntryWord : unsigned { kNone, k4K, k2M };
ActionResult psc_entry(GuestView&, const Args& args) {
  if (args.get(0) >= args.get(1)) return ActionResult::done().give(0, kNone);
  const bool large = entry_size(args.get(0), args.get(1), args.get(2) != 0) == kSize2M;
  args.set(3, large);
  return ActionResult::done().give(0, large ? k2M : k4K);
}

// psc_behind: from, size
ActionResult psc_behind(GuestView&, const Args& args) {
  args.set(0, args.get(0) + (args.get(1) != 0 ? kSize2M : kPageSize));
  return ActionResult::done();
}

// psc_pages: from, to. The end of the 512 pages of a large entry.
ActionResult psc_pages(GuestView&, const Args& args) {
  args.set(1, args.get(0) + kSize2M);
  return ActionResult::done();
}

// __pa() of a page that is mapped. What the tables do not know is mapped one to one.
std::uint64_t gfn_of(const GuestView& view, std::uint64_t address) {
  const GuestView::Lookup found = view.lookup(GuestVirtAddr(address));
  return (found.present ? found.gpa.value : address) >> kPageShift;
}

std::uint64_t list_header(std::uint64_t current, std::uint64_t last) {
  return current | last << 16;
}

// psc_fill: from, to, operation, large, last. Entries 0 to `last`.
ActionResult psc_fill(GuestView& view, const Args& args) {
  const std::uint64_t to = args.get(1), operation = args.get(2);
  std::uint64_t n = 0;
  for (std::uint64_t at = args.get(0); at < to; ++n) {
    const std::uint64_t size = entry_size(at, to, args.get(3) != 0);
    const std::uint64_t entry =
        gfn_of(view, at) << kPageShift | operation << 52 | (size == kSize2M ? bit(56) : 0);
    NPTSIM_CHECK(n < kEntries);
    const auto offset = static_cast<unsigned>(kHeaderSize + n * kEntrySize);
    if (!write_shared_word(view, offset, entry)) return ActionResult::stopped();
    at += size;
  }
  NPTSIM_CHECK(n != 0);
  if (!write_shared_word(view, 0, list_header(0, n - 1))) return ActionResult::stopped();
  args.set(4, n - 1);
  return ActionResult::done().note(n).give(0, 0);
}

ActionResult psc_request(GuestView& view, const Args&) {
  GhcbRequest request;
  request.exit_code = ghcb::kPageStateChange;
  request.scratch = true;
  return fill_ghcb(view, request) ? ActionResult::done() : ActionResult::stopped();
}

// The header: u16 current, u16 end, u32 reserved.
enum Progress : unsigned { kMore, kDone, kError, kReserved, kBackwards };
Progress progress_of(std::uint64_t header, std::uint64_t info) {
  if (info != 0) return kError;
  return get_bits(header, 15, 0) <= get_bits(header, 31, 16) ? kMore : kDone;
}

// psc_check_error: info (SW_EXITINFO2). Whoever looks at nothing else.
ActionResult psc_check_error(GuestView& view, const Args& args) {
  std::uint64_t header = 0;
  if (!read_shared_buffer(view, kHeaderSize, header)) return ActionResult::stopped();
  return ActionResult::done().note(header).give(0, progress_of(header, args.get(0)));
}

// psc_check: info, last. First the error, then what nobody may have changed.
ActionResult psc_check(GuestView& view, const Args& args) {
  std::uint64_t header = 0;
  if (!read_shared_buffer(view, kHeaderSize, header)) return ActionResult::stopped();
  Progress progress = progress_of(header, args.get(0));
  if (progress != kError && header >> 32 != 0) {
    progress = kReserved;
  } else if (progress != kError && get_bits(header, 31, 16) > args.get(1)) {
    progress = kBackwards;
  }
  return ActionResult::done().note(header).give(0, progress);
}

// --- the MSR protocol ---

void ask_by_msr(GuestView& view, const char* request, std::uint64_t msr) {
  view.control().ghcb_msr = msr;
  view.say("ghcb", {{"request", std::string(request)}, {"msr", Hex{msr}}});
}

void tell_answer(GuestView& view, const char* answer) {
  view.say("ghcb", {{"answer", std::string(answer)}, {"msr", Hex{view.control().ghcb_msr}}});
}

// psc_msr: address, operation
ActionResult psc_msr(GuestView& view, const Args& args) {
  ask_by_msr(view, "PAGE_STATE_CHANGE",
             args.get(1) << 52 | gfn_of(view, args.get(0)) << 12 | ghcb::kMsrPageStateRequest);
  return ActionResult::done().give(0, page_op(args.get(1)));
}

ActionResult take_psc_msr(GuestView& view, const Args&) {
  const std::uint64_t msr = view.control().ghcb_msr;
  const bool done = ghcb::msr_code(msr) == ghcb::kMsrPageState && msr >> 32 == 0;
  tell_answer(view, done ? "done" : "failed");
  return ActionResult::done().give(0, done ? 0 : 1);
}

// register_msr: address
ActionResult register_msr(GuestView& view, const Args& args) {
  ask_by_msr(view, "REGISTER_GPA", gfn_of(view, args.get(0)) << 12 | ghcb::kMsrRegisterGpaRequest);
  return ActionResult::done();
}

// take_registered: address. The answer has to be the same page.
ActionResult take_registered(GuestView& view, const Args& args) {
  const std::uint64_t msr = view.control().ghcb_msr;
  const bool done = msr == (gfn_of(view, args.get(0)) << 12 | ghcb::kMsrRegisterGpa);
  tell_answer(view, done ? "registered" : "failed");
  if (done) view.control().ghcb_msr = msr & ~kPageMask;
  return ActionResult::done().give(0, done ? 0 : 1);
}

ActionResult sev_info_msr(GuestView& view, const Args&) {
  ask_by_msr(view, "SEV_INFO", ghcb::kMsrSevInfoRequest);
  return ActionResult::done();
}

// Both sides' versions, ours from 1 to 2: the largest that both know.
enum Protocol : unsigned { kNoAnswer, kNoProtocol, kVersion1, kVersion2 };
ActionResult take_sev_info(GuestView& view, const Args&) {
  const std::uint64_t msr = view.control().ghcb_msr;
  const std::uint64_t most = msr >> 48, least = get_bits(msr, 47, 32);
  Protocol protocol = most >= 2 ? kVersion2 : kVersion1;
  if (most < 1 || least > 2) protocol = kNoProtocol;
  if (ghcb::msr_code(msr) != ghcb::kMsrSevInfo) protocol = kNoAnswer;
  tell_answer(view, protocol == kNoAnswer ? "other" : "sev-info");
  return ActionResult::done().give(0, protocol).give(1, least > most);
}

ActionResult features_msr(GuestView& view, const Args&) {
  ask_by_msr(view, "HV_FEATURES", ghcb::kMsrHvFeaturesRequest);
  return ActionResult::done();
}

ActionResult take_features(GuestView& view, const Args&) {
  constexpr unsigned kSnp = 0;
  const std::uint64_t msr = view.control().ghcb_msr;
  const bool answered = ghcb::msr_code(msr) == ghcb::kMsrHvFeatures;
  tell_answer(view, answered ? "features" : "other");
  return ActionResult::done().give(0, answered && has_bit(msr >> 12, kSnp));
}

void add_lists(rules::Vocabulary& v) {
  rules::ArgDef entries;
  entries.name = "entries";
  entries.min = 1;
  entries.max = 511;
  const rules::ArgDef large = value_arg("large");
  v.add(given("psc_batch", {"none", "some"}, "whether pages are left for another list"));
  v.add(given("page_op", {"private", "shared"}, "what the pages become"));
  v.add(given("psc_entry", {"none", "4k", "2m"}, "the next entry of a list"));
  v.add(given("psc_progress", {"more", "done", "error", "reserved", "backwards"},
              "what the hypervisor has made of a list: SW_EXITINFO2, and the header"));
  v.add(action<psc_begin>("psc_begin", {local_arg("address"), value_arg("pages"), local_arg("end")},
                          {}, "locals", "the end of these pages"));
  v.add(action<psc_batch>("psc_batch",
                          {local_arg("address"), value_arg("end"), value_arg("operation"),
                           local_arg("next"), large, entries},
                          {"psc_batch", "page_op"}, "locals",
                          "the next pages, up to `next`, as many as a list has entries for"));
  v.add(action<psc_entry>("psc_entry",
                          {value_arg("from"), value_arg("to"), large, local_arg("size")},
                          {"psc_entry"}, "a local", "the entry at `from`"));
  v.add(action<psc_behind>("psc_behind", {local_arg("from"), value_arg("size")}, {}, "a local",
                           "goes behind the entry"));
  v.add(action<psc_pages>("psc_pages", {value_arg("from"), local_arg("to")}, {}, "a local",
                          "the end of the entry of 2 MByte"));
  v.add(action<psc_fill>(
      "psc_fill",
      {value_arg("from"), value_arg("to"), value_arg("operation"), large, local_arg("last")},
      {"psc_progress"}, "the GHCB's buffer", "the list of these pages"));
  v.add(action<psc_request>("psc_request", {}, {}, "the GHCB page",
                            "a request PAGE_STATE_CHANGE for the list in the buffer"));
  v.add(action<psc_check_error>("psc_check_error", {value_arg("info")}, {"psc_progress"}, "nothing",
                                "SW_EXITINFO2, and how far the list is done"));
  v.add(action<psc_check>("psc_check", {value_arg("info"), value_arg("last")}, {"psc_progress"},
                          "nothing", "the same, and that the list is still the one that it was"));
}

}  // namespace

void add_page_state(rules::Vocabulary& v) {
  add_lists(v);
  v.add(given("psc_answer", {"done", "failed"}, "the answer to a page-state change by MSR"));
  v.add(given("registration", {"done", "failed"}, "whether the GHCB page was registered"));
  v.add(given("protocol", {"no-answer", "none", "version-1", "version-2"},
              "the version of the GHCB protocol that both sides know, or that the answer is none"));
  v.add(given("protocol_range", {"ordered", "crossed"},
              "crossed: the smallest version is larger than the largest"));
  v.add(given("hv_snp", {"no", "yes"}, "the hypervisor's feature bit 0"));
  v.add(action<psc_msr>("psc_msr", {value_arg("address"), value_arg("operation")}, {"page_op"},
                        "the GHCB MSR", "a page-state change of one page"));
  v.add(action<take_psc_msr>("take_psc_msr", {}, {"psc_answer"}, "nothing", "its answer"));
  v.add(action<register_msr>("register_msr", {value_arg("address")}, {}, "the GHCB MSR",
                             "asks to register the GHCB page"));
  v.add(action<take_registered>("take_registered", {value_arg("address")}, {"registration"},
                                "the GHCB MSR", "its answer: the same page"));
  v.add(action<sev_info_msr>("sev_info_msr", {}, {}, "the GHCB MSR", "asks for versions"));
  v.add(action<take_sev_info>("take_sev_info", {}, {"protocol", "protocol_range"}, "nothing",
                              "its answer"));
  v.add(action<features_msr>("features_msr", {}, {}, "the GHCB MSR", "asks for features"));
  v.add(action<take_features>("take_features", {}, {"hv_snp"}, "nothing", "its answer"));
}

}  // namespace nptsim::guest
