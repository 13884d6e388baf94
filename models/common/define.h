// Short forms for declaring what rows may name: each says one thing once.
#ifndef NPTSIM_MODELS_COMMON_DEFINE_H_
#define NPTSIM_MODELS_COMMON_DEFINE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/view.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::define {

using machine::View;
using rules::ActionResult;
using rules::Args;

inline const std::vector<std::string> kNoYes = {"no", "yes"};

// A fact that only an action finds out.
inline rules::FactDef given(std::string name, std::vector<std::string> values, std::string text) {
  rules::FactDef def;
  def.name = std::move(name);
  def.values = std::move(values);
  def.text = std::move(text);
  return def;
}

// A fact that this kind of view can compute.
template <class AnyView, unsigned (*compute)(const AnyView&)>
rules::FactDef fact_in(std::string name, std::vector<std::string> values, std::string text,
                       bool fixed = false) {
  rules::FactDef def = given(std::move(name), std::move(values), std::move(text));
  def.compute = rules::fact_of<AnyView, compute>;
  def.fixed = fixed;
  return def;
}
// A kernel's or a VMM's, with the guest's registers or without.
template <unsigned (*compute)(const View&)>
rules::FactDef fact(std::string name, std::vector<std::string> values, std::string text,
                    bool fixed = false) {
  return fact_in<View, compute>(std::move(name), std::move(values), std::move(text), fixed);
}

// An action with one form, of this view: there is none for a sealed guest.
template <class AnyView, ActionResult (*act)(AnyView&, const Args&)>
rules::ActionDef action_in(std::string name, std::vector<rules::ArgDef> args, std::string writes,
                           std::string text) {
  rules::ActionDef def;
  def.name = std::move(name);
  def.args = std::move(args);
  def.writes = std::move(writes);
  def.text = std::move(text);
  def.open = rules::action_of<AnyView, act>;
  return def;
}

// An action that needs nothing of the guest's registers: one form for both views.
template <ActionResult (*act)(View&, const Args&)>
rules::ActionDef action(std::string name, std::vector<rules::ArgDef> args, std::string writes,
                        std::string text) {
  rules::ActionDef def =
      action_in<View, act>(std::move(name), std::move(args), std::move(writes), std::move(text));
  def.sealed = def.open;
  return def;
}

// An action that sets facts (in this order: ActionResult::give).
inline rules::ActionDef giving(std::vector<std::string> facts, rules::ActionDef def) {
  def.gives = std::move(facts);
  return def;
}

// A number, or a local or the cursor.
inline rules::ArgDef value_arg(std::string name, bool required = true) {
  rules::ArgDef arg;
  arg.name = std::move(name);
  arg.kind = rules::ArgKind::kValue;
  arg.required = required;
  return arg;
}

inline rules::ArgDef local_arg(std::string name) {
  rules::ArgDef arg;
  arg.name = std::move(name);
  arg.kind = rules::ArgKind::kLocal;
  return arg;
}

inline rules::ArgDef word_arg(std::string name, std::vector<std::string> words,
                              bool required = true) {
  rules::ArgDef arg;
  arg.name = std::move(name);
  arg.kind = rules::ArgKind::kWord;
  arg.required = required;
  arg.words = std::move(words);
  return arg;
}

inline rules::ArgDef number_arg(std::string name, std::uint64_t max, bool required = true) {
  rules::ArgDef arg;
  arg.name = std::move(name);
  arg.kind = rules::ArgKind::kInteger;
  arg.max = max;
  arg.required = required;
  return arg;
}

}  // namespace nptsim::define

#endif  // NPTSIM_MODELS_COMMON_DEFINE_H_
