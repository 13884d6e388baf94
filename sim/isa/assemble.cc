#include "sim/isa/assemble.h"

#include <algorithm>

#include "sim/isa/asm_encode.h"

namespace nptsim::isa {
namespace {

using Bytes = std::vector<u8>;

constexpr std::string_view kSpace = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return text.substr(text.size());
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// ----- raw bytes ---------------------------------------------------------------------------------

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// ----- one line ----------------------------------------------------------------------------------

// The parts of a line; views into it, so columns follow.
struct LineParts {
  std::string_view label;  // may be empty
  std::string_view code;   // may be empty
};

bool is_label_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

std::string_view without_comment(std::string_view line) {
  return line.substr(0, line.find_first_of(";#"));
}

constexpr std::string_view kBytesKey = "bytes";

// "name: rest"; "fs:[rbx]" and "8:0x1000" do not begin a line, "bytes:" is no label.
LineParts split(std::string_view line) {
  const std::string_view text = trim(without_comment(line));
  std::size_t end = 0;
  while (end < text.size() && is_label_char(text[end])) ++end;
  const bool labelled = end > 0 && end < text.size() && text[end] == ':';
  if (!labelled || text.substr(0, end) == kBytesKey) return {{}, text};
  return {text.substr(0, end), trim(text.substr(end + 1))};
}

std::string_view raw_bytes_of(std::string_view code) {
  if (!code.starts_with(kBytesKey)) return {};
  std::string_view rest = trim(code.substr(kBytesKey.size()));
  if (!rest.starts_with(':')) return {};
  rest = trim(rest.substr(1));
  if (rest.size() >= 2 && rest.front() == '"' && rest.back() == '"') {
    rest = rest.substr(1, rest.size() - 2);
  }
  return rest;
}

Result<Bytes, AssembleError> with_column(Result<Bytes, AssembleError> result, std::ptrdiff_t by) {
  if (result.ok()) return result;
  AssembleError error = result.error();
  error.column += static_cast<int>(by);
  return error;
}

Result<Bytes, AssembleError> assemble_code(std::string_view code, u64 address, Mode mode,
                                           const Labels& labels) {
  if (const std::string_view raw = raw_bytes_of(code); raw.data() != nullptr) {
    return with_column(parse_hex_bytes(raw), raw.data() - code.data());
  }
  auto line = parse_line(code, mode, labels);
  if (!line) return line.error();
  return encode(line.value(), address, mode);
}

// ----- a program ---------------------------------------------------------------------------------

AssembleError on_line(AssembleError error, std::size_t line) {
  error.line = static_cast<int>(line);
  return error;
}

// Lengths depend on label distances and label addresses on lengths, so passes repeat until the
// labels stand still. Branches only grow from pass to pass in practice; the bound is for the rest.
constexpr unsigned kMaxPasses = 64;

class ProgramAssembler {
 public:
  ProgramAssembler(std::span<const std::string> lines, u64 origin, Mode mode, const Labels& known)
      : lines_(lines), origin_(origin), mode_(mode), known_(known) {}

  Result<Program, AssembleError> run() {
    if (AssembleError error; !collect_labels(error)) return error;
    for (unsigned pass = 0; pass < kMaxPasses; ++pass) {
      if (AssembleError error; !assemble_pass(error)) return error;
      if (program_.labels == labels_) return finish();
      labels_ = program_.labels;
    }
    return error_at(1, "the lengths of the branches do not settle", "", "write 'near' after jmp");
  }

 private:
  // Before the first pass every label stands at the origin.
  bool collect_labels(AssembleError& error) {
    labels_ = known_;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const LineParts parts = split(lines_[i]);
      if (parts.label.empty()) continue;
      if (!labels_.emplace(parts.label, origin_).second) {
        const int column = static_cast<int>(parts.label.data() - lines_[i].data()) + 1;
        error = on_line(
            error_at(column, "label '" + std::string(parts.label) + "' is defined twice"), i);
        return false;
      }
    }
    return true;
  }

  bool assemble_pass(AssembleError& error) {
    program_ = Program();
    program_.labels = known_;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const LineParts parts = split(lines_[i]);
      const u64 address = origin_ + program_.bytes.size();
      if (!parts.label.empty()) program_.labels[std::string(parts.label)] = address;
      if (parts.code.empty()) continue;
      auto bytes = with_column(assemble_code(parts.code, address, mode_, labels_),
                               parts.code.data() - lines_[i].data());
      if (!bytes) {
        error = on_line(bytes.error(), i);
        return false;
      }
      append(i, parts.code, bytes.value());
    }
    return true;
  }

  void append(std::size_t line, std::string_view code, const Bytes& bytes) {
    program_.lines.push_back({static_cast<int>(line), static_cast<u32>(program_.bytes.size()),
                              static_cast<u32>(bytes.size()), std::string(code)});
    program_.bytes.insert(program_.bytes.end(), bytes.begin(), bytes.end());
  }

  Program finish() { return std::move(program_); }

  std::span<const std::string> lines_;
  u64 origin_;
  Mode mode_;
  const Labels& known_;
  Labels labels_;  // what this pass believes
  Program program_;
};

}  // namespace

Diagnostic to_diagnostic(const AssembleError& error, const SourcePos& text) {
  Diagnostic d;
  d.pos = text;
  d.pos.line = text.line + error.line;
  d.pos.column = error.line == 0 ? text.column + error.column - 1 : error.column;
  d.found = error.found;
  d.accepted = error.accepted;
  d.suggestion = error.suggestion;
  return d;
}

Result<Bytes, AssembleError> parse_hex_bytes(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size();) {
    if (kSpace.find(text[i]) != std::string_view::npos) {
      ++i;
      continue;
    }
    const int high = hex_digit(text[i]);
    const int low = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    if (high < 0 || low < 0) {
      return error_at(static_cast<int>(i) + 1,
                      "'" + std::string(text.substr(i, 2)) + "' is not a byte",
                      "pairs of hexadecimal digits, as in c6 04 25");
    }
    bytes.push_back(static_cast<u8>(high << 4 | low));
    i += 2;
  }
  if (bytes.empty()) return error_at(1, "no bytes", "pairs of hexadecimal digits, as in c6 04 25");
  return bytes;
}

Result<Bytes, AssembleError> assemble(std::string_view line, u64 address, Mode mode,
                                      const Labels& labels) {
  const std::string_view code = trim(line);
  return with_column(assemble_code(code, address, mode, labels), code.data() - line.data());
}

Result<Program, AssembleError> assemble_program(std::span<const std::string> lines, u64 origin,
                                                Mode mode, const Labels& known) {
  return ProgramAssembler(lines, origin, mode, known).run();
}

}  // namespace nptsim::isa
