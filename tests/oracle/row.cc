#include "tests/oracle/row.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>

namespace nptsim::oracle {
namespace {

constexpr std::size_t kMaxErrors = 20;

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t end = line.find(separator);
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return fields;
    line.remove_prefix(end + 1);
  }
}

// Hexadecimal with 0x, else decimal.
std::optional<u64> number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  if (text.empty() || text.size() > (hex ? 16u : 19u)) return std::nullopt;
  u64 value = 0;
  for (char c : text) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<unsigned>(c - '0');
    else if (hex && c >= 'a' && c <= 'f')
      digit = static_cast<unsigned>(c - 'a' + 10);
    else if (hex && c >= 'A' && c <= 'F')
      digit = static_cast<unsigned>(c - 'A' + 10);
    else
      return std::nullopt;
    value = value * (hex ? 16 : 10) + digit;
  }
  return value;
}

std::optional<Entry> entry_named(std::string_view name) {
  const auto it = std::find(kEntryNames.begin(), kEntryNames.end(), name);
  if (it == kEntryNames.end()) return std::nullopt;
  return static_cast<Entry>(it - kEntryNames.begin());
}

class Parser {
 public:
  explicit Parser(std::string path) { file_.path = std::move(path); }

  Result<File, Diagnostics> parse(std::string_view text) {
    while (!text.empty() && errors_.size() < kMaxErrors) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
      if (line_ == 1)
        header(line);
      else if (!line.empty())
        row(line);
      if (line_ == 1 && !errors_.empty()) break;
    }
    if (line_ == 0) complain("the file is empty", "a header line and rows");
    if (!errors_.empty()) return errors_;
    return std::move(file_);
  }

 private:
  void complain(std::string found, std::string accepted = {}) {
    errors_.push_back({{file_.path, line_, 0}, std::move(found), std::move(accepted), {}});
  }

  void header(std::string_view line) {
    const auto names = split(line, ',');
    for (std::size_t i = 0; i < names.size(); ++i) columns_[std::string(names[i])] = i;
    width_ = names.size();
    for (const char* needed :
         {"set", "id", "acc", "size", "gva", "cpl", "hnxe", "hsmep", "gnxe", "gwp", "gsmep",
          "gsmap", "gmode", "inj", "exit", "info1", "info2", "intinfo"}) {
      if (!has(needed)) complain("there is no column '" + std::string(needed) + "'");
    }
    for (std::string_view name : kEntryNames) {
      if (name != "n5" && !has(name)) complain("there is no column '" + std::string(name) + "'");
    }
    if (has("class"))
      file_.recorder = Recorder::kConsensus;
    else if (file_.path.find("bochs") != std::string::npos)
      file_.recorder = Recorder::kBochs;
  }

  bool has(std::string_view name) const { return columns_.find(name) != columns_.end(); }
  std::string_view text(std::string_view name) const {
    return fields_[columns_.find(name)->second];
  }
  u64 value(std::string_view name) {
    const auto n = number(text(name));
    if (!n) {
      complain("column '" + std::string(name) + "' holds '" + std::string(text(name)) + "'",
               "a decimal number, or a hexadecimal one with 0x");
    }
    return n.value_or(0);
  }
  std::optional<u64> optional_value(std::string_view name) {
    if (!has(name)) return std::nullopt;
    return value(name);
  }
  bool flag(std::string_view name) {
    const u64 n = value(name);
    if (n > 1) complain("column '" + std::string(name) + "' holds a flag", "0 or 1");
    return n != 0;
  }

  void row(std::string_view line) {
    fields_ = split(line, ',');
    if (fields_.size() != width_) {
      complain("the row has " + std::to_string(fields_.size()) + " fields, the header " +
               std::to_string(width_));
      return;
    }
    Row r;
    r.line = line_;
    r.set = text("set");
    r.id = text("id");
    read_setup(r);
    read_recorded(r);
    file_.rows.push_back(std::move(r));
  }

  void read_setup(Row& r) {
    const std::string_view access = text("acc");
    if (access.size() != 1 || std::string_view("rwmxi").find(access[0]) == std::string_view::npos) {
      complain("column 'acc' holds '" + std::string(access) + "'", "r, w, m, x or i");
    } else {
      r.access = access[0];
    }
    if (has("maxphyaddr")) r.maxphyaddr = static_cast<unsigned>(value("maxphyaddr"));
    if (r.maxphyaddr < 36 || r.maxphyaddr > 52) complain("maxphyaddr is out of range", "36 to 52");
    r.size = static_cast<unsigned>(value("size"));
    if (r.size != 1 && r.size != 2 && r.size != 4 && r.size != 8) {
      complain("column 'size' holds '" + std::string(text("size")) + "'", "1, 2, 4 or 8");
    }
    r.gva = value("gva");
    r.cpl = static_cast<unsigned>(value("cpl"));
    if (r.cpl != 0 && r.cpl != 3) complain("column 'cpl' is neither 0 nor 3");
    r.hnxe = flag("hnxe"), r.hsmep = flag("hsmep");
    r.gnxe = flag("gnxe"), r.gwp = flag("gwp"), r.gsmep = flag("gsmep"), r.gsmap = flag("gsmap");
    const std::string_view mode = text("gmode");
    if (mode != "lm64" && mode != "pm32") {
      complain("column 'gmode' holds '" + std::string(mode) + "'", "lm64 or pm32");
    }
    r.long_mode = mode == "lm64";
    r.inj = value("inj");
    r.five_levels = has("n5");
    for (unsigned e = 0; e < kEntryCount; ++e) {
      if (has(kEntryNames[e])) r.entries[e] = value(kEntryNames[e]);
    }
  }

  void read_recorded(Row& r) {
    r.exit = value("exit");
    r.info1 = value("info1");
    r.info2 = value("info2");
    r.intinfo = value("intinfo");
    r.rip_delta = optional_value("rip_delta");
    r.rax = optional_value("rax");
    r.mem = optional_value("mem");
    // The consensus has both emulators' changes; they agree for accesses that completed.
    if (has("changed"))
      r.changed = changes("changed");
    else if (has("bochs_changed"))
      r.changed = changes("bochs_changed");
  }

  Changes changes(std::string_view column) {
    Changes list;
    if (text(column).empty()) return list;
    for (std::string_view part : split(text(column), ';')) {
      const std::size_t equals = part.find('=');
      const auto entry = entry_named(part.substr(0, equals));
      const auto n =
          equals == std::string_view::npos ? std::nullopt : number(part.substr(equals + 1));
      if (!entry || !n) {
        complain("column '" + std::string(column) + "' holds '" + std::string(part) + "'",
                 "entry=value");
        return list;
      }
      list.push_back({*entry, *n});
    }
    std::sort(list.begin(), list.end());
    return list;
  }

  File file_;
  Diagnostics errors_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::size_t width_ = 0;
  std::vector<std::string_view> fields_;
  int line_ = 0;
};

std::string shell_quoted(const std::string& path) {
  std::string quoted = "'";
  for (char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::optional<std::string> unpacked(const std::string& path) {
  const std::string command = "gzip -dc -- " + shell_quoted(path) + " 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string text;
  char buffer[1 << 16];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, n);
  if (pclose(pipe) != 0) return std::nullopt;
  return text;
}

std::optional<std::string> plain(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  if (!in && !in.eof()) return std::nullopt;
  return std::move(text).str();
}

}  // namespace

Result<File, Diagnostics> parse_file(const std::string& path, std::string_view text) {
  return Parser(path).parse(text);
}

std::optional<std::string> read_text(const std::string& path) {
  return path.ends_with(".gz") ? unpacked(path) : plain(path);
}

Result<File, Diagnostics> read_file(const std::string& path) {
  const auto text = read_text(path);
  if (!text) return Diagnostics{{{path, 0, 0}, "the file cannot be read", {}, {}}};
  return parse_file(path, *text);
}

}  // namespace nptsim::oracle
