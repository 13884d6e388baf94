#include "sim/scenario/program.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "sim/scenario/forms.h"
#include "sim/scenario/registers.h"
#include "sim/scenario/shape.h"
#include "sim/yaml/number.h"
#include "sim/yaml/read.h"

namespace nptsim::scenario {
namespace {

constexpr std::string_view kBlank = " \t";
constexpr std::size_t kMaxProgramLines = 10'000;

// A piece of a line and where it begins in it.
struct Piece {
  std::string_view text;
  std::size_t at = 0;
};

Piece trim(Piece piece) {
  const std::size_t begin = piece.text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {{}, piece.at};
  const std::size_t end = piece.text.find_last_not_of(kBlank) + 1;
  return {piece.text.substr(begin, end - begin), piece.at + begin};
}

// A comment sign inside quotes (`bytes: "..."`) is none.
std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (!quoted && (line[i] == '#' || line[i] == ';')) return line.substr(0, i);
  }
  return line;
}

SourcePos moved(const SourcePos& pos, std::string_view line, std::size_t bytes) {
  const std::string_view before = line.substr(0, bytes);
  const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  return {pos.file, pos.line, pos.column + static_cast<int>(characters)};
}

struct DirectiveForm {
  std::string_view name;
  Directive::Kind kind;
  std::string_view form;
};
constexpr std::array<DirectiveForm, 7> kDirectives = {{
    {"call", Directive::Kind::kCall, ".call NAME [ARGUMENT, ...]"},
    {"load", Directive::Kind::kLoad, ".load ADDRESS [, SIZE [, REGISTER]]"},
    {"store", Directive::Kind::kStore, ".store ADDRESS, VALUE [, SIZE]"},
    {"fetch", Directive::Kind::kFetch, ".fetch ADDRESS"},
    {"label", Directive::Kind::kLabel, ".label NAME"},
    {"check", Directive::Kind::kCheck, ".check REGISTER RELATION VALUE"},
    {"vmpl", Directive::Kind::kVmpl, ".vmpl 0 to 3"},
}};

const std::vector<std::string>& relation_words() {
  static const std::vector<std::string> kWords = {"==", "!=", "<", "<=", ">", ">="};
  return kWords;
}

bool is_label(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

// One program line under the knife.
class LineReader {
 public:
  LineReader(std::string_view line, SourcePos pos, Program& program, Diagnostics& diagnostics)
      : line_(line), pos_(std::move(pos)), program_(program), diagnostics_(diagnostics) {}

  void read() {
    const Piece body = trim({without_comment(line_), 0});
    if (body.text.empty()) return;
    ProgramLine out;
    out.text = std::string(body.text);
    out.pos = at(body);
    if (body.text[0] == '.') {
      out.kind = ProgramLine::Kind::kDirective;
      if (!read_directive(body, out.directive)) return;
    } else {
      note_label(body);
    }
    program_.lines.push_back(std::move(out));
  }

 private:
  SourcePos at(const Piece& piece) const { return moved(pos_, line_, piece.at); }

  bool wrong(const Piece& piece, std::string found, std::string accepted) {
    diagnostics_.push_back({at(piece), std::move(found), std::move(accepted), ""});
    return false;
  }

  // `name:` before an instruction; `bytes:` is no label.
  void note_label(const Piece& body) {
    const std::size_t colon = body.text.find(':');
    if (colon == std::string_view::npos) return;
    const Piece name = trim({body.text.substr(0, colon), body.at});
    if (name.text == "bytes" || !is_label(name.text)) return;
    program_.labels.push_back({std::string(name.text), at(name)});
  }

  bool read_directive(const Piece& body, Directive& out) {
    const std::size_t end = std::min(body.text.find_first_of(kBlank), body.text.size());
    const std::string_view name = body.text.substr(1, end - 1);
    const auto form = std::find_if(kDirectives.begin(), kDirectives.end(),
                                   [name](const DirectiveForm& f) { return f.name == name; });
    if (form == kDirectives.end()) {
      std::vector<std::string> names;
      for (const DirectiveForm& f : kDirectives) names.push_back("." + std::string(f.name));
      diagnostics_.push_back(
          unknown_word(at(body), "directive", "." + yaml::printable(name), names));
      return false;
    }
    out.kind = form->kind;
    form_ = form->form;
    return read_arguments(trim({body.text.substr(end), body.at + end}), out);
  }

  bool read_arguments(const Piece& rest, Directive& out) {
    switch (out.kind) {
      case Directive::Kind::kCall:
        return read_call(rest, out);
      case Directive::Kind::kLabel:
        return read_label(rest, out);
      case Directive::Kind::kCheck:
        return read_check(rest, out);
      default:
        return read_access(rest, out);
    }
  }

  bool read_call(const Piece& rest, Directive& out) {
    const std::size_t end = std::min(rest.text.find_first_of(kBlank), rest.text.size());
    const Piece name = {rest.text.substr(0, end), rest.at};
    if (!is_dotted_name(name.text)) {
      return wrong(name, ".call: " + yaml::quote(name.text) + " is not a procedure",
                   std::string(form_));
    }
    out.name = std::string(name.text);
    return split(trim({rest.text.substr(end), rest.at + end}), out.arguments);
  }

  bool read_label(const Piece& rest, Directive& out) {
    if (!is_label(rest.text)) {
      return wrong(rest, ".label: " + yaml::quote(rest.text) + " is not a name",
                   "letters, digits, '_', '-' and '.'");
    }
    out.name = std::string(rest.text);
    program_.labels.push_back({out.name, at(rest)});
    return true;
  }

  bool read_check(const Piece& rest, Directive& out) {
    const std::size_t begin = rest.text.find_first_of("=!<>");
    if (begin == std::string_view::npos) {
      return wrong(rest, ".check without a relation", std::string(form_));
    }
    const std::size_t end = std::min(rest.text.find_first_not_of("=!<>", begin), rest.text.size());
    const Piece left = trim({rest.text.substr(0, begin), rest.at});
    const Piece relation = {rest.text.substr(begin, end - begin), rest.at + begin};
    const Piece right = trim({rest.text.substr(end), rest.at + end});
    out.name = std::string(left.text);
    out.relation = std::string(relation.text);
    const auto& words = relation_words();
    if (!is_register(out.name)) return unknown(left, "register", register_names());
    if (std::find(words.begin(), words.end(), out.relation) == words.end()) {
      return unknown(relation, "relation", words);
    }
    const auto value = number(right, ".check");
    if (value) out.arguments.push_back(argument(right));
    return value.has_value();
  }

  // .load, .store, .fetch, .vmpl: numbers divided by commas, and perhaps a register.
  bool read_access(const Piece& rest, Directive& out) {
    std::vector<Argument> all;
    if (!split(rest, all)) return false;
    const bool load = out.kind == Directive::Kind::kLoad;
    const bool store = out.kind == Directive::Kind::kStore;
    const std::size_t needed = store ? 2 : 1;
    if (all.size() < needed || all.size() > needed + (load ? 2 : store ? 1 : 0)) {
      return wrong(rest, std::to_string(all.size()) + " arguments", std::string(form_));
    }
    if (load && all.size() == 3) {
      out.reg = all.back().text;
      if (!is_general_register(out.reg)) {
        return wrong(rest, "unknown register " + yaml::quote(out.reg), "a register like rax or al");
      }
      all.pop_back();
    } else if (load) {
      out.reg = "rax";
    }
    if ((load || store) && !take_size(rest, needed, all, out)) return false;
    if (out.kind == Directive::Kind::kVmpl && (!all[0].is_number || all[0].number > 3)) {
      return wrong(rest, "no VMPL: " + yaml::quote(all[0].text), std::string(form_));
    }
    out.arguments = std::move(all);
    return true;
  }

  bool take_size(const Piece& rest, std::size_t needed, std::vector<Argument>& all,
                 Directive& out) {
    out.size = 8;
    if (all.size() == needed) return true;
    const Argument size = all.back();
    all.pop_back();
    const std::uint64_t n = size.number;
    if (!size.is_number || (n != 1 && n != 2 && n != 4 && n != 8)) {
      return wrong(rest, "no size of an access: " + yaml::quote(size.text), "1, 2, 4 or 8");
    }
    out.size = static_cast<unsigned>(n);
    return true;
  }

  bool unknown(const Piece& piece, std::string_view what, const std::vector<std::string>& words) {
    diagnostics_.push_back(unknown_word(at(piece), what, yaml::printable(piece.text), words));
    return false;
  }

  std::optional<std::uint64_t> number(const Piece& piece, const std::string& what) {
    const auto value = yaml::parse_number(piece.text);
    if (value) return value.value();
    wrong(piece, what + ": " + yaml::quote(piece.text) + " " + value.error(), yaml::kNumberForms);
    return std::nullopt;
  }

  Argument argument(const Piece& piece) const {
    Argument out{std::string(piece.text), false, 0, at(piece)};
    if (const auto value = yaml::parse_number(piece.text)) {
      out.is_number = true;
      out.number = value.value();
    }
    return out;
  }

  // At commas. What looks like a number has to be one.
  bool split(Piece rest, std::vector<Argument>& out) {
    if (rest.text.empty()) return true;
    for (;;) {
      const std::size_t comma = std::min(rest.text.find(','), rest.text.size());
      const Piece piece = trim({rest.text.substr(0, comma), rest.at});
      if (piece.text.empty()) return wrong(piece, "an argument is missing", std::string(form_));
      out.push_back(argument(piece));
      const bool digit = piece.text[0] >= '0' && piece.text[0] <= '9';
      if (!out.back().is_number && (digit || piece.text[0] == '-')) {
        return number(piece, "argument").has_value();
      }
      if (!out.back().is_number && !is_label(piece.text)) {
        return wrong(piece, "argument " + yaml::quote(piece.text), "a number or a name");
      }
      if (comma == rest.text.size()) return true;
      rest = {rest.text.substr(comma + 1), rest.at + comma + 1};
    }
  }

  std::string_view line_;
  SourcePos pos_;
  Program& program_;
  Diagnostics& diagnostics_;
  std::string_view form_;
};

void read_text_lines(const yaml::Node& node, Program& program, Diagnostics& diagnostics) {
  for (const yaml::TextLine& line : yaml::lines_of(node)) {
    if (diagnostics.size() >= kEnoughDiagnostics) return;
    if (program.lines.size() >= kMaxProgramLines) {
      diagnostics.push_back({line.pos, "the program is too long",
                             "at most " + std::to_string(kMaxProgramLines) + " lines", ""});
      return;
    }
    LineReader(line.text, line.pos, program, diagnostics).read();
  }
}

void check_labels_unique(const Program& program, Diagnostics& diagnostics) {
  std::vector<const Text*> sorted;
  for (const Text& label : program.labels) sorted.push_back(&label);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Text* a, const Text* b) { return a->value < b->value; });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->value != sorted[i - 1]->value) continue;
    if (diagnostics.size() >= kEnoughDiagnostics) return;
    diagnostics.push_back(
        {sorted[i]->pos, "the label " + yaml::quote(sorted[i]->value) + " is given twice",
         "each label once; the first is at line " + std::to_string(sorted[i - 1]->pos.line), ""});
  }
}

}  // namespace

bool Program::has_label(const std::string& label) const {
  return std::any_of(labels.begin(), labels.end(),
                     [&label](const Text& known) { return known.value == label; });
}

Program read_program(const yaml::Node& node, const std::string& what, Diagnostics& diagnostics) {
  Program program;
  program.pos = node.pos;
  if (node.is_scalar()) read_text_lines(node, program, diagnostics);
  for (const yaml::Node& item : node.items) {
    if (item.is_scalar()) {
      read_text_lines(item, program, diagnostics);
    } else if (const yaml::Node* bytes = item.find("bytes"); bytes != nullptr) {
      ProgramLine line;
      line.text = "bytes: \"" + bytes->text + "\"";
      line.pos = bytes->pos;
      program.lines.push_back(std::move(line));
    }
  }
  if (program.lines.empty() && diagnostics.empty()) {
    diagnostics.push_back(
        {node.pos, what + " is empty", "at least one instruction or directive", ""});
  }
  check_labels_unique(program, diagnostics);
  return program;
}

std::string normal_line(const std::string& line) {
  std::string normal;
  for (const char c : without_comment(line)) {
    const bool blank = kBlank.find(c) != std::string_view::npos;
    if (!blank) {
      normal += c;
    } else if (!normal.empty() && normal.back() != ' ') {
      normal += ' ';
    }
  }
  if (normal.ends_with(' ')) normal.pop_back();
  return normal;
}

}  // namespace nptsim::scenario
