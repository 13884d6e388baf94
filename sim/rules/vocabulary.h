// What rows may name: facts, actions and iterators, each a small C++ function with a name.
//
// A model declares its vocabulary once. The rules never know what a fact means or what an action
// does; they know its domain, what it needs and what it implies.
#ifndef NPTSIM_SIM_RULES_VOCABULARY_H_
#define NPTSIM_SIM_RULES_VOCABULARY_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/bug.h"
#include "sim/rules/frame.h"

namespace nptsim::rules {

// What facts are computed from and actions work on: a view of the machine, opaque here. `sealed`
// says which of the two forms it is: with the guest's registers, or without.
class Context {
 public:
  bool sealed() const { return sealed_; }
  // Something has happened that whoever runs the rules must see to before the next call or return.
  bool interrupted() const { return interrupted_; }

 protected:
  explicit Context(bool sealed) : sealed_(sealed) {}
  void interrupt() { interrupted_ = true; }
  Context(const Context&) = default;
  Context& operator=(const Context&) = default;
  ~Context() = default;  // nobody owns a view through this base

 private:
  bool sealed_;
  bool interrupted_ = false;
};

enum class Needs : std::uint8_t {
  kNothing,
  kRegisters,  // of the guest: a sealed guest shows none, so there the fact is `unknown`
};
inline constexpr std::string_view kUnknown = "unknown";

using ComputeFn = unsigned (*)(const Context&);

// "When this fact has `value`, `fact` has one of `values`."
struct Implication {
  std::string value;
  std::string fact;
  std::vector<std::string> values;
};

struct FactDef {
  std::string name;
  std::vector<std::string> values;  // 2 to 64; compute gives the index
  Needs needs = Needs::kNothing;    // kRegisters adds the value `unknown`; compute never gives it
  ComputeFn compute = nullptr;      // nullptr: only actions give it (ActionDef::gives)
  // The fact keeps its value as long as a frame lives (the type of the guest, an exit's error
  // code), so what one row found out still holds in a later row.
  bool fixed = false;
  std::vector<Implication> implies;
  std::string text;  // one sentence for `nptsim models --facts`
  std::string source;
};

// --- actions ---

enum class ArgKind : std::uint8_t {
  kInteger,  // a number in min..max
  kWord,     // one of `words`
  kLocal,    // the name of a local (or `cursor`), which the action may also change
  kValue,    // a number or a local's content
};

struct ArgDef {
  std::string name;
  ArgKind kind = ArgKind::kInteger;
  bool required = true;
  std::uint64_t min = 0;
  std::uint64_t max = ~0ull;
  std::vector<std::string> words = {};
};

struct ArgValue {
  enum class Kind : std::uint8_t { kAbsent, kInteger, kWord, kLocal, kCursor };
  Kind kind = Kind::kAbsent;
  std::uint64_t value = 0;  // the number, the word's index, or the local's number
};

// The number, or what the frame's local holds.
inline std::uint64_t value_of(const ArgValue& arg, const FrameWords& frame) {
  if (arg.kind == ArgValue::Kind::kLocal) return frame.local(static_cast<unsigned>(arg.value));
  if (arg.kind == ArgValue::Kind::kCursor) return frame.cursor();
  return arg.value;
}

// The arguments of one use of an action, by their position in its ArgDefs.
class Args {
 public:
  Args(std::span<const ArgValue> values, FrameWords* frame) : values_(values), frame_(frame) {}

  bool has(unsigned i) const {
    return i < values_.size() && values_[i].kind != ArgValue::Kind::kAbsent;
  }
  std::uint64_t get(unsigned i) const {
    NPTSIM_CHECK(has(i));
    return value_of(values_[i], *frame_);
  }
  std::uint64_t get_or(unsigned i, std::uint64_t otherwise) const {
    return has(i) ? get(i) : otherwise;
  }
  // The index into ArgDef::words.
  unsigned word(unsigned i) const {
    NPTSIM_CHECK(has(i) && values_[i].kind == ArgValue::Kind::kWord);
    return static_cast<unsigned>(values_[i].value);
  }
  // Only for a kLocal.
  void set(unsigned i, std::uint64_t value) const {
    NPTSIM_CHECK(has(i));
    const ArgValue& arg = values_[i];
    NPTSIM_CHECK(arg.kind == ArgValue::Kind::kLocal || arg.kind == ArgValue::Kind::kCursor);
    (arg.kind == ArgValue::Kind::kCursor ? frame_->cursor()
                                         : frame_->local(static_cast<unsigned>(arg.value))) = value;
  }
  std::span<const ArgValue> values() const { return values_; }

 private:
  std::span<const ArgValue> values_;
  FrameWords* frame_;
};

class ActionResult {
 public:
  static constexpr unsigned kMaxGiven = 4;

  static ActionResult done() { return ActionResult(false); }
  // It could not finish now (a guest access faulted): the same action runs again later.
  static ActionResult stopped() { return ActionResult(true); }

  // The fact at position `which` of ActionDef::gives gets the value with this index. An action
  // that is done has given all of them.
  ActionResult give(unsigned which, unsigned value) && {
    NPTSIM_CHECK(which < kMaxGiven);
    given_[which] = static_cast<std::uint8_t>(value);
    given_mask_ |= static_cast<std::uint8_t>(1u << which);
    return *this;
  }
  // A number for whoever listens: an address found, a count.
  ActionResult note(std::uint64_t number) && {
    note_ = number;
    has_note_ = true;
    return *this;
  }

  bool is_stopped() const { return stopped_; }
  bool has_given(unsigned which) const { return (given_mask_ >> which) & 1; }
  unsigned given(unsigned which) const { return given_[which]; }
  bool has_note() const { return has_note_; }
  std::uint64_t noted() const { return note_; }

 private:
  explicit ActionResult(bool stopped) : stopped_(stopped) {}

  std::uint64_t note_ = 0;
  std::uint8_t given_[kMaxGiven] = {};
  std::uint8_t given_mask_ = 0;
  bool stopped_;
  bool has_note_ = false;
};

using ActionFn = ActionResult (*)(Context&, const Args&);

struct ActionDef {
  std::string name;
  std::vector<ArgDef> args;
  std::vector<std::string> gives;  // FactDefs without compute; at most ActionResult::kMaxGiven
  std::string writes;              // what it may change, in words, for people
  ActionFn open = nullptr;
  ActionFn sealed = nullptr;  // nullptr: it needs registers, so no sealed guest may reach it
  std::string text;
};

// Moves `cursor` to the next item, or says that there is none. The first call of a loop gets
// kBeforeFirst, so `return ++cursor < count;` is a whole iterator.
using NextFn = bool (*)(Context&, const Args&, std::uint64_t& cursor);
inline constexpr std::uint64_t kBeforeFirst = ~0ull;

struct IteratorDef {
  std::string name;
  std::vector<ArgDef> args;
  NextFn next = nullptr;
  std::string text;
};

// Adapters from functions of a view to what the definitions hold. With an overload per view,
//
//     ActionResult emulate(OpenView& view, const Args& args);   // and none for SealedView
//     { .name = "emulate", .open = action_of<OpenView, emulate> }
//
// naming a form that does not exist does not compile.
template <class View, unsigned (*compute)(const View&)>
unsigned fact_of(const Context& context) {
  return compute(static_cast<const View&>(context));
}
template <class View, ActionResult (*act)(View&, const Args&)>
ActionResult action_of(Context& context, const Args& args) {
  return act(static_cast<View&>(context), args);
}
template <class View, bool (*next)(View&, const Args&, std::uint64_t&)>
bool iterator_of(Context& context, const Args& args, std::uint64_t& cursor) {
  return next(static_cast<View&>(context), args, cursor);
}

class Vocabulary {
 public:
  Vocabulary& add(FactDef fact);
  Vocabulary& add(ActionDef action);
  Vocabulary& add(IteratorDef iterator);
  // Everything of another one: what several models share.
  Vocabulary& include(const Vocabulary& other);

  // The fact that says whether the guest is sealed. It is fixed, and by it facts that need
  // registers are `unknown` or not. Without one nothing is ever sealed (a guest's own rules).
  Vocabulary& name_sealed_fact(std::string fact, std::string value = "yes");
  // The fact whose values are the columns of `capabilities:`.
  Vocabulary& name_vm_fact(std::string fact);

  const FactDef* find_fact(std::string_view name) const;
  const ActionDef* find_action(std::string_view name) const;
  const IteratorDef* find_iterator(std::string_view name) const;

  std::span<const FactDef> facts() const { return facts_; }
  std::span<const ActionDef> actions() const { return actions_; }
  std::span<const IteratorDef> iterators() const { return iterators_; }
  const std::string& sealed_fact() const { return sealed_fact_; }
  const std::string& sealed_value() const { return sealed_value_; }
  const std::string& vm_fact() const { return vm_fact_; }

  std::vector<std::string> fact_names() const;
  std::vector<std::string> action_names() const;
  std::vector<std::string> iterator_names() const;

  // What is wrong with the vocabulary itself: a bug of ours, one sentence each.
  std::vector<std::string> problems() const;

 private:
  std::vector<FactDef> facts_;
  std::vector<ActionDef> actions_;
  std::vector<IteratorDef> iterators_;
  std::map<std::string, std::size_t, std::less<>> fact_index_;
  std::map<std::string, std::size_t, std::less<>> action_index_;
  std::map<std::string, std::size_t, std::less<>> iterator_index_;
  std::string sealed_fact_;
  std::string sealed_value_;
  std::string vm_fact_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_VOCABULARY_H_
