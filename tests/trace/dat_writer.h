// Makes a trace.dat, version 6, as trace-cmd.dat.v6(5) describes it: without the library that reads
// it, so that a test has two opinions.
#ifndef NPTSIM_TESTS_TRACE_DAT_WRITER_H_
#define NPTSIM_TESTS_TRACE_DAT_WRITER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nptsim::trace {

// A field of a tracepoint, behind the four that all have.
struct DatField {
  std::string type;  // C's: "unsigned int"
  std::string name;
  unsigned size = 4;  // 1, 2, 4 or 8: also its alignment
};

struct DatEvent {
  std::string system, name;
  std::vector<DatField> fields;
  std::string print = "\"\"";  // what the kernel's file says of printing
};

// One record: its tracepoint, its thread, its fields' values.
struct DatRecord {
  std::size_t event = 0;
  std::uint32_t pid = 0;
  std::uint64_t time = 0;  // nanoseconds, rising on each processor
  std::vector<std::uint64_t> values;
};

// The records of a processor, in pages.
struct DatPage {
  std::vector<DatRecord> records;
  std::uint32_t missed = 0;  // events that the kernel lost before this page
};
using DatProcessor = std::vector<DatPage>;

// The bytes of the file.
std::string make_trace_dat(const std::vector<DatEvent>& events,
                           const std::vector<std::pair<std::uint32_t, std::string>>& threads,
                           const std::vector<DatProcessor>& processors);

}  // namespace nptsim::trace

#endif  // NPTSIM_TESTS_TRACE_DAT_WRITER_H_
