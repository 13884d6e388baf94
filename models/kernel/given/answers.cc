// Which answer of the scenario's holds.
#include "models/kernel/given/answers.h"

#include <algorithm>
#include <string>

#include "models/common/define.h"
#include "models/common/kvm_uapi.h"
#include "models/kernel/given/state.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/exits.h"
#include "sim/base/hex.h"
#include "sim/machine/view.h"

namespace nptsim::given {
namespace {

using machine::View;
using rules::ActionResult;
using rules::Args;
using namespace define;

// What each word means is the rows' matter (versions/given.yaml).
constexpr ThenWord kThenWords[] = {
    {Then::kNone, "none", 0},
    {Then::kMap, "map", kAtFault, true},
    {Then::kMapReadOnly, "map-read-only", kAtFault, true},
    {Then::kMap2m, "map-2m", kAtFault, true},
    {Then::kAssign, "assign", kAtFault, true, false, true},
    {Then::kAssign2m, "assign-2m", kAtFault, true, false, true},
    {Then::kPsmash, "psmash", kAtFault, true, false, true},
    {Then::kMmioEntry, "mmio-entry", kAtFault},
    {Then::kMmio, "mmio", kAtFault, false, true},
    {Then::kRetry, "retry", kAtFault | kAtExit},
    {Then::kSkip, "skip", kAtExit, false, true},
    {Then::kHalt, "halt", kAtExit},
    {Then::kMemoryFault, "memory-fault", kAtFault},
    {Then::kMapGpaPrivate, "map-gpa-private", kAtExit, false, false, true, true},
    {Then::kMapGpaShared, "map-gpa-shared", kAtExit, false, false, true, true},
    {Then::kInternalError, "internal-error", kAtFault | kAtExit},
    {Then::kShutdown, "shutdown", kAtFault | kAtExit},
    {Then::kInjectUd, "inject-ud", kAtFault | kAtExit},
    {Then::kInjectGp, "inject-gp", kAtFault | kAtExit},
    {Then::kEfault, "efault", kAtFault | kAtExit | kAtCall},
    {Then::kEinval, "einval", kAtFault | kAtExit | kAtCall},
    {Then::kEexist, "eexist", kAtCall},
    {Then::kDone, "done", kAtCall},
};

// The ioctls of a VMM here; fallocate of a guest_memfd and the MMU notifier count among them.
constexpr std::string_view kCalls[] = {
    "create_vm",          "create_irqchip",          "split_irqchip",    "create_pit",
    "create_pit_speaker", "set_memory_region",       "get_dirty_log",    "set_memory_attributes",
    "ioeventfd",          "register_coalesced_mmio", "snp_launch_start", "snp_launch_update",
    "snp_launch_finish",  "pre_fault_memory",        "destroy_vm",       "fallocate_gmem",
    "unmap_host_range",
};

std::vector<std::string> words_of_then() {
  std::vector<std::string> words;
  for (const ThenWord& row : kThenWords) words.emplace_back(row.word);
  return words;
}

bool in_range(const ConstRecord& record, std::uint64_t gpa) {
  if (!record.get(answer::kHasGpa)) return true;
  const std::uint64_t first = record.get(answer::kGpa);
  return gpa >= first && gpa - first < record.get(answer::kSize);
}

bool is_used_up(const ConstRecord& record) {
  const std::uint64_t times = record.get(answer::kTimes);
  return times != 0 && record.get(answer::kGiven) >= times;
}

bool fits_access(const ConstRecord& record, std::uint64_t error) {
  if (error & svm::kErrorId) return record.get(answer::kFetch) != 0;
  return record.get(error & svm::kErrorRw ? answer::kWrite : answer::kRead) != 0;
}

bool fits(const ConstRecord& record, const svm::ExitRecord& exit) {
  if (record.get(answer::kCall) != 0 || record.get(answer::kExit) != exit.exit_code) return false;
  if (exit.exit_code != svm::exit_code::kNpf) return true;  // its gpa is what is asked of the VMM
  const std::uint64_t wanted = record.get(answer::kError);
  return in_range(record, exit.exit_info_2) && (exit.exit_info_1 & wanted) == wanted &&
         fits_access(record, exit.exit_info_1);
}

// The first that fits, and that is not used up; counted where that makes a difference.
template <class Fits>
std::optional<std::uint64_t> take(Store& store, Fits&& fits_one) {
  const std::uint64_t count = kList.at(std::as_const(store), 0).get(list::kCount);
  for (std::uint64_t i = 0; i < count; ++i) {
    const ConstRecord record = kAnswers.at(std::as_const(store), i);
    if (is_used_up(record) || !fits_one(record)) continue;
    const std::uint64_t given = record.get(answer::kGiven);
    if (record.get(answer::kTimes) != 0) kAnswers.at(store, i).set(answer::kGiven, given + 1);
    return i;
  }
  return std::nullopt;
}

std::string error_text(std::uint64_t error) {
  std::string text;
  for (const std::string& word : svm::error_words(error)) text += (text.empty() ? "" : " ") + word;
  return text;
}

ActionResult tell(View& view, std::optional<std::uint64_t> found) {
  if (!found) return ActionResult::done().give(0, static_cast<unsigned>(Then::kNone));
  const std::uint64_t then = kAnswers.at(std::as_const(view).store(), *found).get(answer::kThen);
  view.say("text", [&] {
    return machine::EventFields{{"text", "start.answers[" + std::to_string(*found) +
                                             "]: " + std::string(kThenWords[then].word)}};
  });
  return ActionResult::done().give(0, static_cast<unsigned>(then));
}

ActionResult find_answer(View& view, const Args&) {
  const svm::ExitRecord exit = view.exit_record();
  const auto found =
      take(view.store(), [&](const ConstRecord& record) { return fits(record, exit); });
  kVcpus.at(view.store(), view.vcpu()).set(vcpu::kAnswer, found ? *found + 1 : 0);
  return tell(view, found);
}

// Of calls about memory, where it lies.
std::uint64_t gpa_of_call(const View& view, std::string_view call) {
  const Store& store = view.store();
  if (call == "set_memory_region") {
    return kvm_uapi::kRegionRequest.at(store, 0).get(kvm_uapi::region::kGpa);
  }
  if (call == "set_memory_attributes") {
    return kvm_uapi::kAttributesRequest.at(store, 0).get(kvm_uapi::attributes::kAddress);
  }
  return 0;
}

ActionResult find_call_answer(View& view, const Args& args) {
  const unsigned call = args.word(0);
  const std::uint64_t gpa = gpa_of_call(view, kCalls[call]);
  return tell(view, take(view.store(), [&](const ConstRecord& record) {
                return record.get(answer::kCall) == call + 1 && in_range(record, gpa);
              }));
}

void end_at_gap(View& view, const std::string& what) {
  view.end_vm(machine::Outcome(machine::OutcomeKind::kUnspecified,
                               what + ": start.answers has no entry that fits"));
}

ActionResult not_given(View& view, const Args&) {
  const svm::ExitRecord& exit = view.exit_record();
  std::string what = "what this kernel does at the exit " + svm::exit_name(exit.exit_code);
  if (exit.exit_code == svm::exit_code::kNpf) {
    what = "what this kernel does for a #NPF at gpa " + hex(exit.exit_info_2) + ", error " +
           error_text(exit.exit_info_1);
  }
  end_at_gap(view, what + ", is not given");
  return ActionResult::done();
}

ActionResult call_not_given(View& view, const Args& args) {
  end_at_gap(view,
             "what this kernel answers to " + std::string(kCalls[args.word(0)]) + " is not given");
  return ActionResult::done();
}

std::vector<std::string> call_words() { return {std::begin(kCalls), std::end(kCalls)}; }

}  // namespace

std::span<const ThenWord> then_words() { return kThenWords; }
std::span<const std::string_view> calls() { return kCalls; }

ConstRecord answer_of(const View& view) {
  const std::uint64_t number = kVcpus.at(view.store(), view.vcpu()).get(vcpu::kAnswer);
  NPTSIM_CHECK(number != 0);
  return kAnswers.at(view.store(), number - 1);
}

void set_answers(Store& store, std::span<const Answer> answers) {
  NPTSIM_CHECK(answers.size() <= kMaxAnswers);
  kList.at(store, 0).set(list::kCount, answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& one = answers[i];
    const Record record = kAnswers.at(store, i);
    record.set(answer::kExit, one.exit);
    record.set(answer::kCall, one.call ? *one.call + 1 : 0);
    record.set(answer::kHasGpa, one.gpa.has_value());
    record.set(answer::kGpa, one.gpa.value_or(GuestPhysAddr()).value);
    record.set(answer::kSize, one.size);
    record.set(answer::kError, one.error);
    record.set(answer::kRead, one.read);
    record.set(answer::kWrite, one.write);
    record.set(answer::kFetch, one.fetch);
    record.set(answer::kTimes, one.times);
    record.set(answer::kThen, static_cast<std::uint64_t>(one.then));
  }
}

void add_answers(rules::Vocabulary& v) {
  v.add(define::given("answer", words_of_then(), "what the scenario says that this kernel does"));
  v.add(giving({"answer"}, action<find_answer>("find_answer", {}, "how often it was given",
                                               "the first entry of start.answers for this exit")));
  v.add(giving({"answer"},
               action<find_call_answer>("find_call_answer", {word_arg("call", call_words())},
                                        "how often it was given",
                                        "the first entry of start.answers for this call")));
  v.add(
      action<not_given>("not_given", {}, "the outcome of the VM", "nobody said what happens here"));
  v.add(action<call_not_given>("call_not_given", {word_arg("call", call_words())},
                               "the outcome of the VM", "nobody said what it answers"));
}

}  // namespace nptsim::given
