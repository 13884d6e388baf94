#include "sim/trace/trace_header.h"

#include <algorithm>

namespace nptsim::trace {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The last word, cut off `text`.
std::string_view cut_last_word(std::string_view& text) {
  std::size_t begin = text.size();
  while (begin > 0 && !is_blank(text[begin - 1])) --begin;
  const std::string_view word = text.substr(begin);
  text = without_blanks(text.substr(0, begin));
  return word;
}

// "12.345678", "123456" of a clock that counts, "12us" and "12us+" of the latency format.
bool is_time(std::string_view word) {
  constexpr std::string_view kDelays = "+!#*@$";
  if (!word.empty() && kDelays.find(word.back()) != std::string_view::npos) word.remove_suffix(1);
  if (word.ends_with("us") || word.ends_with("ns")) word.remove_suffix(2);
  return !word.empty() && std::count(word.begin(), word.end(), '.') <= 1 &&
         std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || c == '.'; });
}

// Where the word before the colon begins, if it is a time; npos if not.
std::size_t time_before(std::string_view line, std::size_t colon) {
  std::size_t end = colon;
  if (end > 2 && line[end - 1] == ' ' && line[end - 2] == 's') --end;  // "12us :"
  std::size_t begin = end;
  while (begin > 0 && !is_blank(line[begin - 1])) --begin;
  return begin > 0 && is_time(line.substr(begin, end - begin)) ? begin : std::string_view::npos;
}

// "[003]" at the end of `who`, or "3d..1." there.
bool cut_processor(std::string_view& who) {
  const std::size_t open = who.rfind('[');
  if (open != std::string_view::npos) {
    std::string_view text = who.substr(open + 1);
    std::uint32_t cpu = 0;
    const bool number = take_digits(text, cpu) && text.starts_with(']');
    const std::string_view flags = number ? without_blanks(text.substr(1)) : "";
    if (number && flags.find_first_of(" \t") == std::string_view::npos) {
      who = without_blanks(who.substr(0, open));
      return true;
    }
  }
  const std::string_view word = cut_last_word(who);
  return !word.empty() && is_digit(word.front()) &&
         !std::all_of(word.begin(), word.end(), is_digit);
}

// The thread's number at the end of `who`: behind a dash, or (perf) behind a blank, perhaps with
// its process before it. What is left is its name.
bool cut_thread(std::string_view& who, std::uint32_t& pid) {
  if (who.ends_with(')')) {  // the thread group: "-123 (  120)"
    who = without_blanks(who.substr(0, std::min(who.rfind('('), who.size())));
  }
  std::size_t begin = who.size();
  while (begin > 0 && is_digit(who[begin - 1])) --begin;
  std::string_view digits = who.substr(begin);
  if (!take_digits(digits, pid) || begin == 0) return false;
  std::string_view name = who.substr(0, begin);
  if (name.ends_with('/')) {  // "1234/1240"
    name.remove_suffix(1);
    while (!name.empty() && is_digit(name.back())) name.remove_suffix(1);
  }
  if (name.empty() || (name.back() != '-' && !is_blank(name.back()))) return false;
  name.remove_suffix(1);
  who = without_blanks(name);
  return true;
}

// QEMU calls its vCPU threads so (accel/kvm/kvm-accel-ops.c kvm_start_vcpu_thread).
std::optional<unsigned> vcpu_of_name(std::string_view name) {
  std::uint32_t number = 0;
  if (!name.starts_with("CPU ")) return std::nullopt;
  name.remove_prefix(4);
  if (!take_digits(name, number) || !name.starts_with("/K")) return std::nullopt;
  return number;
}

// "kvm_exit: payload" or "kvm:kvm_exit: payload", perhaps behind the time since the line before
// (trace-cmd report --ts-diff).
bool read_event(std::string_view rest, TraceHeader& header) {
  if (rest.starts_with("(+")) {
    rest = without_blanks(rest.substr(std::min(rest.find(')'), rest.size() - 1) + 1));
  }
  for (;;) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    header.event = rest.substr(0, colon);
    header.payload = rest.substr(colon + 1);
    const bool system = !header.payload.empty() && !is_blank(header.payload.front()) &&
                        header.payload.find(':') != std::string_view::npos;
    if (!system) break;
    rest = header.payload;
  }
  header.payload = without_blanks(header.payload);
  return header.event.find_first_of(" \t") == std::string_view::npos;
}

}  // namespace

bool take_digits(std::string_view& text, std::uint32_t& number) {
  std::size_t at = 0;
  std::uint64_t value = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    value = value * 10 + static_cast<unsigned>(text[at] - '0');
    if (value > 0xffffffff) return false;
  }
  text.remove_prefix(at);
  number = static_cast<std::uint32_t>(value);
  return at > 0;
}

std::optional<TraceHeader> read_trace_header(std::string_view line) {
  for (std::size_t colon = line.find(':'); colon != std::string_view::npos;
       colon = line.find(':', colon + 1)) {
    if (colon + 1 < line.size() && !is_blank(line[colon + 1])) continue;
    const std::size_t time = time_before(line, colon);
    if (time == std::string_view::npos) continue;
    std::string_view who = without_blanks(line.substr(0, time));
    TraceHeader header;
    if (!cut_processor(who) || !cut_thread(who, header.pid)) continue;
    if (!read_event(without_blanks(line.substr(colon + 1)), header)) continue;
    header.vcpu = vcpu_of_name(who);
    return header;
  }
  return std::nullopt;
}

}  // namespace nptsim::trace
