#include "tests/trace/dat_writer.h"

#include <fmt/format.h>

namespace nptsim::trace {
namespace {

constexpr std::size_t kPage = 4096;
constexpr unsigned kFirstId = 900;  // of the tracepoints

void put(std::string& out, std::uint64_t number, unsigned size) {
  for (unsigned i = 0; i < size; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}
void put_text(std::string& out, const std::string& text) { out += text + '\0'; }
// With its length before it.
void put_file(std::string& out, const std::string& text, unsigned size) {
  put(out, text.size(), size);
  out += text;
}

// Linux kernel/trace/ring_buffer.c ring_buffer_print_page_header, ring_buffer_print_entry_header.
constexpr char kHeaderPage[] =
    "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
    "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
    "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
    "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";
constexpr char kHeaderEvent[] =
    "# compressed entry header\n"
    "\ttype_len    :    5 bits\n"
    "\ttime_delta  :   27 bits\n"
    "\tarray       :   32 bits\n"
    "\n"
    "\tpadding     : type == 29\n"
    "\ttime_extend : type == 30\n"
    "\ttime_stamp : type == 31\n"
    "\tdata max type_len  == 28\n";

unsigned aligned(unsigned at, unsigned size) { return (at + size - 1) / size * size; }

// The file events/SYSTEM/NAME/format.
std::string format_of(const DatEvent& event, unsigned id) {
  std::string text = fmt::format("name: {}\nID: {}\nformat:\n", event.name, id);
  const auto add = [&](const std::string& type, const std::string& name, unsigned at,
                       unsigned size) {
    text += fmt::format("\tfield:{} {};\toffset:{};\tsize:{};\tsigned:{};\n", type, name, at, size,
                        type == "int" ? 1 : 0);
  };
  add("unsigned short", "common_type", 0, 2);
  add("unsigned char", "common_flags", 2, 1);
  add("unsigned char", "common_preempt_count", 3, 1);
  add("int", "common_pid", 4, 4);
  text += "\n";
  unsigned at = 8;
  for (const DatField& field : event.fields) {
    at = aligned(at, field.size);
    add(field.type, field.name, at, field.size);
    at += field.size;
  }
  return text + "\nprint fmt: " + event.print + "\n";
}

std::string payload_of(const DatEvent& event, const DatRecord& record) {
  std::string data;
  put(data, kFirstId + record.event, 2);
  put(data, 0, 2);
  put(data, record.pid, 4);
  for (std::size_t i = 0; i < event.fields.size(); ++i) {
    const DatField& field = event.fields[i];
    data.resize(aligned(static_cast<unsigned>(data.size()), field.size), '\0');
    put(data, record.values[i], field.size);
  }
  data.resize(aligned(static_cast<unsigned>(data.size()), 4), '\0');
  return data;
}

// Of a page: its time, how much of it is used, its entries. Records are near enough in time for 27
// bits, and short enough for 28 words.
std::string page_of(const std::vector<DatEvent>& events, const DatPage& page) {
  constexpr std::uint64_t kMissed = 1u << 31, kMissedCount = 1u << 30;
  std::string data;
  std::uint64_t time = page.records.empty() ? 0 : page.records.front().time;
  const std::uint64_t start = time;
  for (const DatRecord& record : page.records) {
    const std::string payload = payload_of(events[record.event], record);
    put(data, (record.time - time) << 5 | payload.size() / 4, 4);
    data += payload;
    time = record.time;
  }
  std::uint64_t commit = data.size();
  if (page.missed != 0) {
    commit |= kMissed | kMissedCount;
    put(data, page.missed, 8);
  }
  std::string out;
  put(out, start, 8);
  put(out, commit, 8);
  out += data;
  out.resize(kPage, '\0');
  return out;
}

void put_formats(std::string& out, const std::vector<DatEvent>& events) {
  put(out, 0, 4);  // ftrace's own events
  put(out, events.size(), 4);
  for (std::size_t i = 0; i < events.size(); ++i) {  // each in a system entry of its own
    put_text(out, events[i].system);
    put(out, 1, 4);
    put_file(out, format_of(events[i], kFirstId + static_cast<unsigned>(i)), 8);
  }
}

}  // namespace

std::string make_trace_dat(const std::vector<DatEvent>& events,
                           const std::vector<std::pair<std::uint32_t, std::string>>& threads,
                           const std::vector<DatProcessor>& processors) {
  std::string out = "\x17\x08\x44tracing";
  put_text(out, "6");
  put(out, 0, 1);  // little-endian
  put(out, 8, 1);  // sizeof(long)
  put(out, kPage, 4);
  put_text(out, "header_page");
  put_file(out, kHeaderPage, 8);
  put_text(out, "header_event");
  put_file(out, kHeaderEvent, 8);
  put_formats(out, events);
  put_file(out, "", 4);  // kallsyms
  put_file(out, "", 4);  // the formats of trace_printk
  std::string names;
  for (const auto& [pid, name] : threads) names += fmt::format("{} {}\n", pid, name);
  put_file(out, names, 8);
  put(out, processors.size(), 4);
  put_text(out, "flyrecord");
  std::uint64_t at = (out.size() + 16 * processors.size() + kPage - 1) / kPage * kPage;
  for (const DatProcessor& one : processors) {
    put(out, at, 8);
    put(out, one.size() * kPage, 8);
    at += one.size() * kPage;
  }
  out.resize((out.size() + kPage - 1) / kPage * kPage, '\0');
  for (const DatProcessor& one : processors) {
    for (const DatPage& page : one) out += page_of(events, page);
  }
  return out;
}

}  // namespace nptsim::trace
