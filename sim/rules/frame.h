// Where an actor stands in a procedure: 16 words of the machine's store.
//
// A frame is state like any other: it is hashed and compared, so it holds nothing but what the rest
// of the procedure can still depend on.
#ifndef NPTSIM_SIM_RULES_FRAME_H_
#define NPTSIM_SIM_RULES_FRAME_H_

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "sim/base/bits.h"
#include "sim/base/layout.h"

namespace nptsim::rules {

inline constexpr unsigned kFrameWords = 16;
inline constexpr unsigned kMaxLocals = 8;
inline constexpr unsigned kMaxAnswerFields = 4;
inline constexpr unsigned kFactWords = 3;  // of a frame: 192 bits for the facts that rows gave

// Numbers of things in one Program. Words are numbered in a WordTable that programs share.
using ProcedureId = std::uint16_t;
using StageId = std::uint16_t;
using RowId = std::uint16_t;
using FactId = std::uint16_t;
using WordId = std::uint16_t;
inline constexpr WordId kNoWord = 0;

// What a stage or a procedure answers: a word, with fields if its row gave some.
struct Answer {
  struct Field {
    WordId name = kNoWord;
    WordId value = kNoWord;
    bool operator==(const Field&) const = default;
  };
  WordId word = kNoWord;
  std::array<Field, kMaxAnswerFields> fields{};  // unused ones are zero, and last

  bool operator==(const Answer&) const = default;
};

// The fields of an answer lie in words 2 and 3 as they lie in memory: 32 bits each, names low.
using AnswerFields = std::array<Answer::Field, kMaxAnswerFields>;
static_assert(std::endian::native == std::endian::little);

struct FrameWords {
  std::array<std::uint64_t, kFrameWords> words{};

  bool operator==(const FrameWords&) const = default;

  // Spelled out word by word: GCC makes a slow REP STOS of a loop or an assignment.
  void clear() {
    [this]<std::size_t... i>(std::index_sequence<i...>) { ((words[i] = 0), ...); }
    (std::make_index_sequence<kFrameWords>());
  }

  // The procedure is kept as its number + 1, so that zero words are no frame at all.
  void begin(ProcedureId id, std::uint16_t pc) {
    words[0] = id + 1ull + (static_cast<std::uint64_t>(pc) << 16);
  }
  bool empty() const { return get_bits(words[0], 15, 0) == 0; }
  ProcedureId procedure() const { return static_cast<ProcedureId>(get_bits(words[0], 15, 0) - 1); }
  std::uint16_t pc() const { return static_cast<std::uint16_t>(get_bits(words[0], 31, 16)); }
  void set_pc(std::uint16_t pc) { words[0] = with_bits(words[0], 31, 16, pc); }
  // Where to go on when the actions of a stage's row are done.
  std::uint16_t stage_return() const {
    return static_cast<std::uint16_t>(get_bits(words[0], 47, 32));
  }
  void set_stage_return(std::uint16_t pc) { words[0] = with_bits(words[0], 47, 32, pc); }

  Answer answer() const {
    return {answer_word(), std::bit_cast<AnswerFields>(std::array{words[2], words[3]})};
  }
  bool answer_has_fields() const { return words[2] != 0; }
  WordId answer_word() const { return static_cast<WordId>(words[1]); }
  void set_answer(const Answer& answer) {
    const auto fields = std::bit_cast<std::array<std::uint64_t, 2>>(answer.fields);
    words[1] = answer.word;
    words[2] = fields[0];
    words[3] = fields[1];
  }

  // The answer of another frame.
  void take_answer(const FrameWords& from) {
    words[1] = from.words[1];
    words[2] = from.words[2];
    words[3] = from.words[3];
  }

  std::uint64_t& local(unsigned i) { return words[4 + i]; }
  std::uint64_t local(unsigned i) const { return words[4 + i]; }
  std::uint64_t& cursor() { return words[12]; }
  std::uint64_t cursor() const { return words[12]; }
  std::uint64_t& fact_word(unsigned i) { return words[13 + i]; }
  std::uint64_t fact_word(unsigned i) const { return words[13 + i]; }
};

// The same layout for whoever prints a machine.
extern const RecordLayout kFrameLayout;

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_FRAME_H_
