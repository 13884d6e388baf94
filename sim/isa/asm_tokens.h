// One line of assembly as tokens, each with its column.
#ifndef NPTSIM_SIM_ISA_ASM_TOKENS_H_
#define NPTSIM_SIM_ISA_ASM_TOKENS_H_

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/result.h"
#include "sim/isa/assemble.h"

namespace nptsim::isa {

enum class TokenKind : u8 { kWord, kNumber, kPunctuation, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // words in lower case except labels' own spelling in `spelling`
  std::string spelling;
  u64 value = 0;  // kNumber
  int column = 1;

  bool is(std::string_view t) const { return kind != TokenKind::kNumber && text == t; }
};

// Numbers are decimal, 0x hexadecimal or 0b binary, with an optional suffix K, M, G or T. The last
// token is kEnd.
Result<std::vector<Token>, AssembleError> tokenize(std::string_view line);

AssembleError error_at(int column, std::string found, std::string accepted = "",
                       std::string suggestion = "");

// Reads the tokens of a line one after the other.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(unsigned ahead = 0) const {
    const std::size_t at = position_ + ahead;
    return at < tokens_.size() ? tokens_[at] : tokens_.back();
  }
  const Token& next() {
    const Token& token = peek();
    if (position_ + 1 < tokens_.size()) ++position_;
    return token;
  }
  bool at_end() const { return peek().kind == TokenKind::kEnd; }
  bool take(std::string_view text) {
    if (!peek().is(text)) return false;
    next();
    return true;
  }

 private:
  std::vector<Token> tokens_;
  std::size_t position_ = 0;
};

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_ASM_TOKENS_H_
