#include "sim/isa/asm_operands.h"

#include "sim/isa/asm_names.h"

namespace nptsim::isa {
namespace {

struct Word {
  std::string_view name;
  u64 value;
};

constexpr Word kSizeWords[] = {{"byte", 1},     {"word", 2},    {"dword", 4},    {"qword", 8},
                               {"fword", 6},    {"tbyte", 10},  {"xmmword", 16}, {"oword", 16},
                               {"ymmword", 32}, {"zmmword", 64}};

constexpr Word kPrefixWords[] = {
    {"lock", ZYDIS_ATTRIB_HAS_LOCK},   {"rep", ZYDIS_ATTRIB_HAS_REP},
    {"repe", ZYDIS_ATTRIB_HAS_REPE},   {"repz", ZYDIS_ATTRIB_HAS_REPE},
    {"repne", ZYDIS_ATTRIB_HAS_REPNE}, {"repnz", ZYDIS_ATTRIB_HAS_REPNE},
};

constexpr Word kSegmentWords[] = {
    {"es", ZYDIS_ATTRIB_HAS_SEGMENT_ES}, {"cs", ZYDIS_ATTRIB_HAS_SEGMENT_CS},
    {"ss", ZYDIS_ATTRIB_HAS_SEGMENT_SS}, {"ds", ZYDIS_ATTRIB_HAS_SEGMENT_DS},
    {"fs", ZYDIS_ATTRIB_HAS_SEGMENT_FS}, {"gs", ZYDIS_ATTRIB_HAS_SEGMENT_GS},
};

template <std::size_t kCount>
u64 find_word(const Word (&words)[kCount], std::string_view name) {
  for (const Word& word : words) {
    if (word.name == name) return word.value;
  }
  return 0;
}

std::vector<std::string> label_names(const Labels& labels) {
  std::vector<std::string> out;
  for (const auto& [name, address] : labels) out.push_back(name);
  return out;
}

// A recursive-descent parser of one line. Each function returns false after setting error_.
class Parser {
 public:
  Parser(std::vector<Token> tokens, Mode mode, const Labels& labels)
      : tokens_(std::move(tokens)), mode_(mode), labels_(labels) {}

  Result<AsmLine, AssembleError> parse() {
    parse_prefixes();
    if (!parse_mnemonic() || !parse_operands()) return error_;
    return std::move(line_);
  }

 private:
  bool fail(const Token& at, std::string found, std::string accepted = "",
            std::string suggestion = "") {
    error_ = error_at(at.column, std::move(found), std::move(accepted), std::move(suggestion));
    return false;
  }

  static std::string shown(const Token& token) {
    return token.kind == TokenKind::kEnd ? "the end of the line" : "'" + token.spelling + "'";
  }

  void parse_prefixes() {
    while (const u64 prefix = find_word(kPrefixWords, tokens_.peek().text)) {
      line_.prefixes |= prefix;
      tokens_.next();
    }
  }

  bool unknown_mnemonic(const Token& token) {
    if (token.kind != TokenKind::kWord) {
      return fail(token, "found " + shown(token) + " where an instruction should be",
                  "a mnemonic such as mov, or a prefix: lock, rep, repe, repne");
    }
    const std::string near = nearest_spelling(token.text, mnemonic_names());
    return fail(token, "unknown instruction '" + token.spelling + "'", "",
                near.empty() ? "" : "did you mean '" + near + "'?");
  }

  bool parse_mnemonic() {
    const Token& token = tokens_.next();
    line_.column = token.column;
    line_.name = token.text;
    line_.fixed_bytes = bytes_of_fixed(token.text);
    const auto mnemonic = find_mnemonic(token.text, mode_);
    if (token.kind != TokenKind::kWord || (!mnemonic && line_.fixed_bytes.empty())) {
      return unknown_mnemonic(token);
    }
    line_.mnemonic = mnemonic.value_or(ZYDIS_MNEMONIC_INVALID);
    line_.far = token.text == "retf" || tokens_.take("far");
    if (tokens_.take("short")) line_.width = ZYDIS_BRANCH_WIDTH_8;
    if (tokens_.take("near")) {
      line_.width = mode_ == Mode::k16 ? ZYDIS_BRANCH_WIDTH_16 : ZYDIS_BRANCH_WIDTH_32;
    }
    repeat_means_equal();
    return true;
  }

  // CMPS and SCAS have REPE where the others have REP; both are F3.
  void repeat_means_equal() {
    const bool compares = line_.name.starts_with("cmps") || line_.name.starts_with("scas");
    if (compares && (line_.prefixes & ZYDIS_ATTRIB_HAS_REP)) {
      line_.prefixes ^= ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE;
    }
  }

  bool parse_operands() {
    if (tokens_.at_end()) return true;
    do {
      AsmOperand operand;
      operand.column = tokens_.peek().column;
      if (!parse_operand(operand)) return false;
      if (line_.operands.size() == ZYDIS_ENCODER_MAX_OPERANDS) {
        return fail(tokens_.peek(), "too many operands", "at most 5");
      }
      line_.operands.push_back(operand);
    } while (tokens_.take(","));
    if (tokens_.at_end()) return true;
    return fail(tokens_.peek(), "found " + shown(tokens_.peek()) + " after an operand",
                "a comma or the end of the line");
  }

  bool parse_operand(AsmOperand& out) {
    if (tokens_.peek(1).kind == TokenKind::kWord || tokens_.peek(1).is("[")) {
      out.size = static_cast<unsigned>(find_word(kSizeWords, tokens_.peek().text));
    }
    const bool sized = out.size != 0;
    if (sized) {
      tokens_.next();
      tokens_.take("ptr");
    }
    take_segment_override();
    if (tokens_.peek().is("[")) return parse_memory(out);
    if (sized) {
      return fail(tokens_.peek(), "found " + shown(tokens_.peek()) + " after a size",
                  "a memory operand such as [rbx]");
    }
    if (const auto reg = find_register(tokens_.peek().text)) return take_register(*reg, out);
    return parse_immediate(out);
  }

  bool take_register(ZydisRegister reg, AsmOperand& out) {
    const ZydisMachineMode machine = ZYDIS_MACHINE_MODE_LONG_64;
    out.kind = AsmOperandKind::kRegister;
    out.reg = reg;
    out.size = ZydisRegisterGetWidth(machine, reg) / 8;
    tokens_.next();
    return true;
  }

  // "fs:[rbx]" and "[fs:rbx]".
  void take_segment_override() {
    const u64 segment = find_word(kSegmentWords, tokens_.peek().text);
    if (segment == 0 || !tokens_.peek(1).is(":")) return;
    line_.prefixes |= segment;
    tokens_.next();
    tokens_.next();
  }

  // One number or label.
  bool parse_value(u64& value, bool& is_label) {
    const Token& token = tokens_.next();
    is_label = token.kind == TokenKind::kWord;
    if (token.kind == TokenKind::kNumber) {
      value = token.value;
      return true;
    }
    if (token.kind != TokenKind::kWord) {
      return fail(token, "found " + shown(token) + " where an operand should be",
                  "a register, a number, a label, or memory such as [rbx + 8]");
    }
    const auto label = labels_.find(token.spelling);
    if (label == labels_.end()) return unknown_name(token);
    value = label->second;
    return true;
  }

  bool unknown_name(const Token& token) {
    std::vector<std::string> known = label_names(labels_);
    known.insert(known.end(), register_names().begin(), register_names().end());
    const std::string near = nearest_spelling(token.text, known);
    return fail(token, "'" + token.spelling + "' is neither a register nor a label",
                labels_.empty() ? "" : "labels here: " + list_of(label_names(labels_)),
                near.empty() ? "" : "did you mean '" + near + "'?");
  }

  bool parse_immediate(AsmOperand& out) {
    out.kind = AsmOperandKind::kImmediate;
    bool minus = tokens_.take("-"), label = false, more = true;
    if (!minus) tokens_.take("+");
    while (more) {
      u64 value = 0;
      if (!parse_value(value, label)) return false;
      out.value += minus ? 0 - value : value;
      minus = tokens_.peek().is("-");
      more = minus || tokens_.peek().is("+");
      if (more) tokens_.next();
    }
    return tokens_.take(":") ? parse_pointer_offset(out) : true;
  }

  bool parse_pointer_offset(AsmOperand& out) {
    bool label = false;
    out.kind = AsmOperandKind::kPointer;
    out.selector = static_cast<u16>(out.value);
    return parse_value(out.value, label);
  }

  // ----- memory: [base + index*scale + displacement], in any order -----------------------------

  bool parse_memory(AsmOperand& out) {
    out.kind = AsmOperandKind::kMemory;
    tokens_.next();
    take_segment_override();
    bool has_label = false;
    bool minus = tokens_.take("-");
    while (true) {
      if (!parse_term(out, minus, has_label)) return false;
      if (tokens_.take("]")) break;
      minus = tokens_.peek().is("-");
      if (!minus && !tokens_.peek().is("+")) {
        return fail(tokens_.peek(), "found " + shown(tokens_.peek()) + " in a memory operand",
                    "+, - or ]");
      }
      tokens_.next();
    }
    out.rip_target = has_label && out.base == ZYDIS_REGISTER_RIP;
    return true;
  }

  bool parse_term(AsmOperand& out, bool minus, bool& has_label) {
    const Token token = tokens_.peek();
    if (const auto reg = find_register(token.text)) {
      if (minus) return fail(token, "a register cannot be subtracted", "+ " + token.text);
      tokens_.next();
      u64 scale = 0;
      if (tokens_.take("*")) return take_scale(scale) && add_index(out, token, *reg, scale);
      return add_register(out, token, *reg);
    }
    if (tokens_.peek(1).is("*")) return parse_scale_first(out, minus);
    u64 value = 0;
    bool label = false;
    if (!parse_value(value, label)) return false;
    out.value += minus ? 0 - value : value;
    has_label |= label;
    return true;
  }

  bool parse_scale_first(AsmOperand& out, bool minus) {
    u64 scale = 0;
    if (!take_scale(scale)) return false;
    tokens_.next();  // the *
    const Token token = tokens_.next();
    const auto reg = find_register(token.text);
    if (!reg || minus) return fail(token, "found " + shown(token) + " after a scale", "a register");
    return add_index(out, token, *reg, scale);
  }

  bool take_scale(u64& scale) {
    const Token token = tokens_.next();
    scale = token.value;
    const bool good =
        token.kind == TokenKind::kNumber && (scale == 1 || scale == 2 || scale == 4 || scale == 8);
    return good ? true : fail(token, "the scale is " + shown(token), "1, 2, 4 or 8");
  }

  bool add_register(AsmOperand& out, const Token& token, ZydisRegister reg) {
    if (out.base != ZYDIS_REGISTER_NONE) return add_index(out, token, reg, 1);
    out.base = reg;
    return true;
  }

  bool add_index(AsmOperand& out, const Token& token, ZydisRegister reg, u64 scale) {
    if (out.index != ZYDIS_REGISTER_NONE) {
      return fail(token, "a third register in a memory operand", "a base and an index");
    }
    out.index = reg;
    out.scale = static_cast<u8>(scale);
    swap_stack_pointer_index(out);
    return true;
  }

  // rSP cannot be an index, but "[rax + rsp]" can be turned round.
  static void swap_stack_pointer_index(AsmOperand& out) {
    const bool is_stack_pointer =
        out.index == ZYDIS_REGISTER_RSP || out.index == ZYDIS_REGISTER_ESP;
    if (is_stack_pointer && out.scale == 1) std::swap(out.base, out.index);
  }

  TokenStream tokens_;
  Mode mode_;
  const Labels& labels_;
  AsmLine line_;
  AssembleError error_;
};

}  // namespace

Result<AsmLine, AssembleError> parse_line(std::string_view text, Mode mode, const Labels& labels) {
  auto tokens = tokenize(text);
  if (!tokens) return tokens.error();
  return Parser(std::move(tokens).value(), mode, labels).parse();
}

}  // namespace nptsim::isa
