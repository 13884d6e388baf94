// `start.answers`: what the kernel `given` is to do, from words to its records.
#include <algorithm>
#include <array>
#include <string_view>

#include "models/kernel/given/model.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/exits.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

constexpr std::string_view kFamily = "given";

// Exits by their names: those of one byte, and the few behind.
std::optional<std::uint64_t> exit_named(const std::string& name) {
  for (std::uint64_t code = 0; code < 0x408; ++code) {
    if (svm::exit_name(code) == name) return code;
  }
  return std::nullopt;
}

std::vector<std::string> exit_words() {
  std::vector<std::string> words;
  for (std::uint64_t code = 0; code < 0x408; ++code) {
    std::string name = svm::exit_name(code);
    if (!name.starts_with("0x")) words.push_back(std::move(name));
  }
  return words;
}

std::vector<std::string> words_at(std::uint8_t where) {
  std::vector<std::string> words;
  for (const given::ThenWord& row : given::then_words()) {
    if (row.at & where) words.emplace_back(row.word);
  }
  return words;
}

class AnswerReader {
 public:
  explicit AnswerReader(Plan& plan) : plan_(plan) {}

  given::Answer read(const Answer& said) {
    given::Answer answer;
    answer.gpa = said.gpa;
    answer.size = said.size;
    answer.read = said.access.find('r') != std::string::npos;
    answer.write = said.access.find('w') != std::string::npos;
    answer.fetch = said.access.find('x') != std::string::npos;
    answer.times = static_cast<std::uint32_t>(said.times.value);
    for (const Text& word : said.error) answer.error |= error_bit(word);
    const std::uint8_t where = read_where(said, answer);
    read_then(said, where, answer);
    return answer;
  }

 private:
  std::uint8_t read_where(const Answer& said, given::Answer& answer) {
    if (!said.ioctl.value.empty()) {
      const auto calls = given::calls();
      const auto found = std::find(calls.begin(), calls.end(), said.ioctl.value);
      if (found == calls.end()) {
        unknown(said.ioctl, "call", {calls.begin(), calls.end()});
      } else {
        answer.call = static_cast<std::uint32_t>(found - calls.begin());
      }
      return given::kAtCall;
    }
    answer.exit = svm::exit_code::kNpf;
    if (said.exit.value.empty()) return given::kAtFault;
    const auto exit = exit_named(said.exit.value);
    if (!exit) unknown(said.exit, "exit", exit_words());
    answer.exit = exit.value_or(0);
    return answer.exit == svm::exit_code::kNpf ? given::kAtFault : given::kAtExit;
  }

  void read_then(const Answer& said, std::uint8_t where, given::Answer& answer) {
    for (const given::ThenWord& row : given::then_words()) {
      if (row.word != said.then.value || !(row.at & where)) continue;
      answer.then = row.then;
      return check(said, row);
    }
    unknown(said.then, "answer", words_at(where));
  }

  void check(const Answer& said, const given::ThenWord& row) {
    const std::string word(row.word);
    if (row.registers && plan_.setup.sealed()) {
      plan_.report(said.then.pos,
                   word + ": the registers of this guest are encrypted, so no kernel can do that",
                   "machine.vm: default or sev, or what the kernel does without them");
    }
    if (row.snp && !plan_.setup.snp()) {
      plan_.report(said.then.pos, word + " is for an SNP guest", "machine.vm: snp");
    }
    if (row.range && !said.gpa) {
      plan_.report(said.pos, word + " of which pages?", "gpa: ADDRESS, size: BYTES");
    }
    if (row.memory && said.gpa) check_memory(said, row);
  }

  // What is mapped is a region's.
  void check_memory(const Answer& said, const given::ThenWord& row) {
    for (std::uint64_t done = 0; done < said.size; done += kPageSize) {
      const GuestPhysAddr page = *said.gpa + done;
      const machine::Region* region = plan_.setup.region_at(page);
      if (region != nullptr && region->backing != machine::kNoBacking) {
        if (!is_large(row) || fits_large(*region, page)) continue;
        plan_.report(said.pos,
                     "the 2 MByte around gpa " + hex(page.value) + " reach beyond region '" +
                         region->name + "'",
                     "a region with a gpa and a size that are multiples of 2M");
        return;
      }
      plan_.report(said.pos,
                   "there is no memory at gpa " + hex(page.value) + " that could be mapped",
                   "addresses in regions that have memory");
      return;
    }
  }
  static bool is_large(const given::ThenWord& row) {
    return row.then == given::Then::kMap2m || row.then == given::Then::kAssign2m ||
           row.then == given::Then::kPsmash;
  }
  static bool fits_large(const machine::Region& region, GuestPhysAddr page) {
    const GuestPhysAddr first = page.align_down(kSize2M);
    return (first - region.gpa) % kSize2M == 0 && region.contains(first) &&
           region.contains(first + (kSize2M - 1));
  }

  std::uint64_t error_bit(const Text& word) {
    std::vector<std::string> words;
    for (const svm::ErrorWord& row : svm::kErrorWords) {
      if (row.word == word.value) return row.mask;
      words.emplace_back(row.word);
    }
    unknown(word, "word of an error code", words);
    return 0;
  }

  void unknown(const Text& word, const char* what, const std::vector<std::string>& accepted) {
    plan_.diagnostics.push_back(unknown_word(word.pos, what, word.value, accepted));
  }

  Plan& plan_;
};

}  // namespace

bool has_given_kernel(const Plan& plan) { return plan.stack->kernel.family == kFamily; }

void read_answers(Plan& plan) {
  if (!has_given_kernel(plan)) return;
  const auto& answers = plan.vm.start.answers;
  if (answers.size() > given::kMaxAnswers) {
    return plan.report(answers[given::kMaxAnswers].pos, "too many answers",
                       "at most " + std::to_string(given::kMaxAnswers));
  }
  AnswerReader reader(plan);
  for (const Answer& answer : answers) plan.answers.push_back(reader.read(answer));
}

void set_answers(const Plan& plan, machine::Machine& machine) {
  if (has_given_kernel(plan)) given::set_answers(machine.store(), plan.answers);
}

}  // namespace nptsim::scenario::building
