#include "tests/oracle/compare.h"

#include <cinttypes>
#include <cstdio>

namespace nptsim::oracle {
namespace {

constexpr u64 kNpf = 0x400, kPageFault = 0x4e, kGeneralProtection = 0x4d, kDone = 0x81;
constexpr u64 kP = bit(0), kRw = bit(1), kRsv = bit(3), kId = bit(4), kFinal = bit(32);

bool has_reserved_fault(const Row& r) {
  return (r.exit == kNpf || r.exit == kPageFault) && (r.info1 & kRsv);
}
bool final_fetch(const Row& r) { return r.access == 'x' && r.exit == kNpf && (r.info1 & kFinal); }
bool crosses_page(const Row& r) { return bytes_in_page(r.gva, r.size) != r.size; }

bool bit8_in_top_entry(Recorder, const Row& r) {
  for (Entry e : {kN4, kG4, kT4, kN5}) {
    if ((r.entries[e] & bit(0)) && (r.entries[e] & bit(8))) return true;
  }
  return false;
}

}  // namespace

// The rules under which both emulators' rows were merged (README.md), each with its reason.
const std::vector<Deviation>& deviations() {
  static const std::vector<Deviation> kList = {
      {"suspect:bit8",
       "both emulators ignore bit 8 of a PML4E or PML5E; AMD processors reserve it "
       "(kvm-unit-tests svm_npt)",
       bit8_in_top_entry, nullptr},
      {"norm:p",
       "QEMU TCG leaves P clear whenever RSV is set (APM vol. 2, 15.25.6; kvm-unit-tests: P=1)",
       [](Recorder recorder, const Row& r) {
         return recorder == Recorder::kTcg && has_reserved_fault(r);
       },
       [](Row& r) { r.info1 |= kP; }},
      {"norm:f-tcg", "QEMU TCG looks at hEFER.NXE alone for ID (kvm-unit-tests: NXE or SMEP)",
       [](Recorder recorder, const Row& r) {
         return recorder == Recorder::kTcg && final_fetch(r) && !r.hnxe && r.hsmep;
       },
       [](Row& r) { r.info1 |= kId; }},
      {"norm:f-bochs", "Bochs sets ID for every fetch (kvm-unit-tests: NXE or SMEP)",
       [](Recorder recorder, const Row& r) {
         return recorder == Recorder::kBochs && final_fetch(r) && !r.hnxe && !r.hsmep;
       },
       [](Row& r) { r.info1 &= ~kId; }},
      {"norm:w",
       "QEMU TCG splits a locked operation that crosses a page, so its fault is a read; a "
       "read-modify-write faults as a write",
       [](Recorder recorder, const Row& r) {
         return recorder == Recorder::kTcg && r.access == 'm' && crosses_page(r) &&
                (r.exit == kNpf || r.exit == kPageFault);
       },
       [](Row& r) { r.info1 |= kRw; }},
      {"conflict",
       "the #GP error code of an empty IDT gate: QEMU TCG leaves EXT out (APM vol. 2, 8.4.1: "
       "vector * 8 + IDT + EXT)",
       [](Recorder recorder, const Row& r) {
         return recorder == Recorder::kTcg && r.access == 'i' && r.exit == kGeneralProtection;
       },
       [](Row& r) {
         // EXT: the event came from outside the program, so not for a software interrupt.
         const bool software = get_bits(r.inj, 10, 8) == 4;
         r.info1 = get_bits(r.inj, 7, 0) * 8 + 2 + (software ? 0 : 1);
       }},
      {"fetch-page",
       "EXITINFO2 of a final fetch: hardware recordings have bits 11:0 clear, both emulators the "
       "full address",
       [](Recorder, const Row& r) { return final_fetch(r); },
       [](Row& r) { r.info2 &= ~kPageMask; }},
  };
  return kList;
}

namespace {

class Differences {
 public:
  void check(const char* what, u64 recorded, u64 model) {
    if (recorded == model) return;
    char text[96];
    std::snprintf(text, sizeof text, "%s: recorded 0x%" PRIx64 ", model 0x%" PRIx64, what, recorded,
                  model);
    list.push_back(text);
  }
  std::vector<std::string> list;
};

std::string text_of(const Changes& changes) {
  std::string text;
  for (const Change& c : changes) {
    char one[48];
    std::snprintf(one, sizeof one, "%s%s=0x%" PRIx64, text.empty() ? "" : ";",
                  kEntryNames[c.entry].data(), c.value);
    text += one;
  }
  return text.empty() ? "nothing" : text;
}

void compare_completed(const Row& row, const Observed& o, Differences& d) {
  if (row.rax) d.check("rax", *row.rax, o.rax);
  if (row.mem) d.check("mem", *row.mem, o.mem);
  // After a fault both emulators differ, and both are allowed: only completed accesses count.
  if (row.changed && *row.changed != o.changed) {
    d.list.push_back("changed: recorded " + text_of(*row.changed) + ", model " +
                     text_of(o.changed));
  }
}

std::string joined(const std::string& names, std::string_view name) {
  return names.empty() ? std::string(name) : names + "+" + std::string(name);
}

}  // namespace

Verdict compare(Recorder recorder, const Row& recorded, const Observed& o) {
  Verdict verdict;
  Row row = recorded;
  for (const Deviation& deviation : deviations()) {
    if (!deviation.applies(recorder, row)) continue;
    verdict.deviations = joined(verdict.deviations, deviation.name);
    if (deviation.correct == nullptr) {
      verdict.compared = false;
      return verdict;
    }
    deviation.correct(row);
  }
  if (verdict.deviations.empty()) verdict.deviations = "agree";
  if (!o.ended) {
    verdict.differences.push_back("the model did not reach an exit: " + o.text);
    return verdict;
  }
  Differences d;
  d.check("exit", row.exit, o.exit);
  d.check("info1", row.info1, o.info1);
  d.check("info2", row.info2, o.info2);
  d.check("intinfo", row.intinfo, o.intinfo);
  if (row.rip_delta) d.check("rip_delta", *row.rip_delta, o.rip_delta);
  if (row.exit == kDone) compare_completed(row, o, d);
  verdict.differences = std::move(d.list);
  return verdict;
}

Tally replay(const File& file) {
  Tally tally;
  Machine machine;
  std::map<std::string, unsigned> shown;
  for (const Row& row : file.rows) {
    const Verdict verdict = compare(file.recorder, row, machine.run(row));
    for (Tally::Count* count : {&tally.all, &tally.by_deviation[verdict.deviations]}) {
      ++count->rows;
      if (!verdict.compared)
        ++count->not_compared;
      else if (verdict.differences.empty())
        ++count->matches;
    }
    if (verdict.differences.empty() || shown[verdict.deviations]++ >= Tally::kFirst) continue;
    std::string text = file.path + ":" + std::to_string(row.line) + ": " + row.set + " " + row.id +
                       " (" + verdict.deviations + "):";
    for (const std::string& difference : verdict.differences) text += " " + difference + ";";
    tally.first_differences.push_back(text);
  }
  return tally;
}

std::string report(const File& file, const Tally& tally) {
  char line[256];
  std::snprintf(line, sizeof line, "%s: %u rows, %u match, %u not compared, %u differ\n",
                file.path.c_str(), tally.all.rows, tally.all.matches, tally.all.not_compared,
                tally.all.rows - tally.all.matches - tally.all.not_compared);
  std::string text = line;
  for (const auto& [name, count] : tally.by_deviation) {
    std::snprintf(line, sizeof line, "  %-28s %6u rows %6u match %6u not compared\n", name.c_str(),
                  count.rows, count.matches, count.not_compared);
    text += line;
  }
  for (const std::string& difference : tally.first_differences) text += difference + "\n";
  return text;
}

}  // namespace nptsim::oracle
