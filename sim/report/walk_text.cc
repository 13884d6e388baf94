#include "sim/report/walk_text.h"

#include <fmt/format.h>

#include "sim/report/entry_text.h"
#include "sim/report/event_fields.h"
#include "sim/report/text.h"

namespace nptsim::report {

using machine::EventFields;

namespace {

using Entries = std::vector<EventFields>;

bool is_write(const EventFields& entry) { return text_field(entry, "is") == "accessed-dirty"; }
bool is_nested(const EventFields& entry) { return text_field(entry, "tables") == "nested"; }
bool for_table(const EventFields& entry) {
  return text_field(entry, "for").starts_with("guest table");
}
bool stops(const EventFields& entry) {
  const std::string is = text_field(entry, "is");
  return is == "not-present" || is == "reserved";
}

std::vector<std::string> entry_row(const EventFields& entry, const WalkStyle& style) {
  const auto level = static_cast<unsigned>(number_field(entry, "level").value_or(0));
  const std::uint64_t word = number_field(entry, "word").value_or(0);
  const bool nested = is_nested(entry);
  std::string at = "spa " + hex(number_field(entry, "spa").value_or(0));
  if (!nested) at = "gpa " + hex(number_field(entry, "entry_gpa").value_or(0)) + ", " + at;
  std::string is = text_field(entry, "is");
  if (const auto reserved = number_field(entry, "reserved"); reserved && *reserved != 0) {
    is += ": " + bit_list(*reserved);
  }
  const bool tells_target = nested && for_table(entry);
  const std::string target =
      tells_target ? "for gpa " + hex(number_field(entry, "gpa").value_or(0)) : "";
  return {fmt::format("{} {}", nested ? "nested" : "guest", level),
          at,
          hex(word),
          is,
          entry_bits(word, level, nested ? style.nested_c_bit : style.guest_c_bit),
          target};
}

// Nested entries of a table address that was found are seen by the guest entry that comes next.
bool is_passed(const Entries& entries, std::size_t at) {
  for (std::size_t i = at + 1; i < entries.size(); ++i) {
    if (!is_write(entries[i]) && !is_nested(entries[i])) return true;
  }
  return false;
}

bool shown(const Entries& entries, std::size_t at, bool failed, const WalkStyle& style) {
  const EventFields& entry = entries[at];
  if (is_write(entry)) return false;
  if (style.all) return true;
  if (failed) return !(is_nested(entry) && for_table(entry) && is_passed(entries, at));
  return is_nested(entry) && !for_table(entry) && text_field(entry, "is") == "leaf";
}

std::string set_bits_line(const Entries& entries) {
  std::vector<std::string> places;
  for (const EventFields& entry : entries) {
    if (!is_write(entry)) continue;
    places.push_back(fmt::format("{} {} ({} to {})", text_field(entry, "tables"),
                                 number_field(entry, "level").value_or(0),
                                 hex(number_field(entry, "before").value_or(0)),
                                 hex(number_field(entry, "after").value_or(0))));
  }
  return places.empty() ? "" : "sets accessed and dirty bits: " + join(places, ", ");
}

}  // namespace

std::optional<std::pair<std::uint64_t, std::uint64_t>> last_nested_leaf(const EventFields& walk) {
  std::optional<std::pair<std::uint64_t, std::uint64_t>> leaf;
  for (const EventFields& entry : records_field(walk, "entries")) {
    if (is_write(entry) || !is_nested(entry) || text_field(entry, "is") != "leaf") continue;
    leaf = {number_field(entry, "spa").value_or(0), number_field(entry, "word").value_or(0)};
  }
  return leaf;
}

bool has_failed(const EventFields& walk) { return walk.find("failure") != nullptr; }

std::string walk_line(const EventFields& walk) {
  std::string line = text_field(walk, "access") + " " + hex(number_field(walk, "gva").value_or(0));
  if (const auto gpa = number_field(walk, "gpa")) line += " -> gpa " + hex(*gpa);
  const char* key = flag_field(walk, "c") ? "private" : "shared";
  if (!has_failed(walk)) {
    line += " -> spa " + hex(number_field(walk, "spa").value_or(0));
    return line + ", " + key + (flag_field(walk, "tlb") ? ", from the TLB" : "");
  }
  line += std::string(", ") + key + ": " + text_field(walk, "failure");
  const std::string stage = text_field(walk, "stage");
  if (stage == "table") line += ", while looking for a guest table";
  if (stage == "final") line += ", of the final address";
  const std::uint64_t level = number_field(walk, "level").value_or(0);
  return line + (level == 0 ? "" : fmt::format(", level {}", level));
}

std::vector<std::string> walk_entries(const EventFields& walk, const WalkStyle& style) {
  const Entries& entries = records_field(walk, "entries");
  const bool failed = has_failed(walk);
  std::vector<std::vector<std::string>> rows;
  std::size_t hidden = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (shown(entries, i, failed, style)) {
      rows.push_back(entry_row(entries[i], style));
      if (stops(entries[i])) rows.back()[3] += " <- stops here";
    } else {
      hidden += !is_write(entries[i]);
    }
  }
  std::vector<std::string> lines;
  if (!rows.empty()) {
    if (failed || style.all) {
      rows.insert(rows.begin(), {"table", "entry at", "word", "is", "bits", ""});
    }
    lines = table(rows);
  }
  if (failed && hidden > 0) {
    lines.push_back(fmt::format("and {} nested {} on the way to the guest's tables, which {} it",
                                hidden, hidden == 1 ? "entry" : "entries",
                                hidden == 1 ? "allows" : "allow"));
  }
  if (style.all) {
    if (std::string line = set_bits_line(entries); !line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace nptsim::report
