// One recorded access under nested paging, and reading the files that hold them.
#ifndef NPTSIM_TESTS_ORACLE_ROW_H_
#define NPTSIM_TESTS_ORACLE_ROW_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"

namespace nptsim::oracle {

using u64 = std::uint64_t;

// The entries that a row gives, in the order of their columns. README.md says where each lies.
enum Entry : unsigned {
  kN4,
  kN3,
  kN2,
  kN1,
  kN1b,
  kG4,
  kG3,
  kG2,
  kG1,
  kG1b,
  kP4,
  kP3,
  kP2,
  kP1,
  kT4,
  kT3,
  kT2,
  kD1,
  kN5
};
inline constexpr unsigned kEntryCount = 19;
inline constexpr std::array<std::string_view, kEntryCount> kEntryNames = {
    "n4", "n3", "n2", "n1", "n1b", "g4", "g3", "g2", "g1", "g1b",
    "p4", "p3", "p2", "p1", "t4",  "t3", "t2", "d1", "n5"};

// An entry that the run changed: "n1=0x2221067".
struct Change {
  Entry entry = kN4;
  u64 value = 0;
  auto operator<=>(const Change&) const = default;
};
using Changes = std::vector<Change>;  // in the order of Entry

struct Row {
  int line = 0;
  std::string set, id;
  unsigned maxphyaddr = 40;
  char access = 'r';  // r load, w store, m locked increment, x fetch, i event injection
  unsigned size = 8;
  u64 gva = 0;
  unsigned cpl = 0;
  bool hnxe = false, hsmep = false;
  bool gnxe = false, gwp = false, gsmep = false, gsmap = false;
  bool long_mode = true;  // gmode lm64; else pm32
  u64 inj = 0;
  std::array<u64, kEntryCount> entries{};
  bool five_levels = false;  // the file has a column n5

  // What was recorded. Files differ in what they have.
  u64 exit = 0, info1 = 0, info2 = 0, intinfo = 0;
  std::optional<u64> rip_delta, rax, mem;
  std::optional<Changes> changed;
};

// Whose behaviour a file holds, so how it is known to deviate from the architecture.
enum class Recorder { kConsensus, kTcg, kBochs };

struct File {
  std::string path;
  Recorder recorder = Recorder::kTcg;
  std::vector<Row> rows;
};

// A file as text, unpacked if its name ends with .gz; none if it cannot be read.
std::optional<std::string> read_text(const std::string& path);

// A .csv file, or one compressed by gzip (.csv.gz).
Result<File, Diagnostics> read_file(const std::string& path);
// The same from its text. A file with the column `class` is a consensus; of the others those with
// "bochs" in their name are from Bochs.
Result<File, Diagnostics> parse_file(const std::string& path, std::string_view text);

}  // namespace nptsim::oracle

#endif  // NPTSIM_TESTS_ORACLE_ROW_H_
