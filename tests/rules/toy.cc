#include "tests/rules/toy.h"

#include <doctest/doctest.h>

namespace nptsim::toy {
namespace {

using rules::ActionDef;
using rules::ActionResult;
using rules::ArgDef;
using rules::ArgKind;
using rules::Args;
using rules::FactDef;

template <unsigned World::*field>
unsigned read_field(const View& view) {
  ++view.world().computed;
  return view.world().*field;
}

unsigned is_sealed(const View& view) { return view.world().guest == 0 ? 0 : 1; }

ActionResult map_page(View& view, const Args&) {
  view.world().log.push_back("map");
  return ActionResult::done();
}
ActionResult emulate(View& view, const Args&) {
  view.world().log.push_back("emulate");
  return ActionResult::done().give(0, view.world().emulation);
}
ActionResult inject(View& view, const Args& args) {
  view.world().log.push_back("inject " + std::to_string(args.get(0)) +
                             (args.has(1) ? " code " + std::to_string(args.get(1)) : ""));
  return ActionResult::done();
}
ActionResult paint(View& view, const Args& args) {
  const char* const colours[] = {"red", "green"};
  view.world().log.push_back(std::string("paint ") + colours[args.word(0)]);
  return ActionResult::done();
}
ActionResult take_lock(View& view, const Args&) {
  view.world().lock = 1;
  return ActionResult::done();
}
ActionResult drop_lock(View& view, const Args&) {
  view.world().lock = 0;
  return ActionResult::done();
}
ActionResult say(View& view, const Args& args) {
  view.world().log.push_back("say " + std::to_string(args.get(0)));
  return ActionResult::done().note(args.get(0));
}
ActionResult add(View&, const Args& args) {
  args.set(0, args.get(0) + args.get(1));
  return ActionResult::done();
}
ActionResult touch_guest(View& view, const Args&) {
  if (view.world().busy > 0) {
    --view.world().busy;
    return ActionResult::stopped();
  }
  view.world().log.push_back("touched");
  return ActionResult::done();
}
bool next_page(View& view, const Args&, std::uint64_t& cursor) {
  return ++cursor < view.world().pages;
}
bool next_between(View&, const Args& args, std::uint64_t& cursor) {
  cursor = cursor == rules::kBeforeFirst ? args.get(0) : cursor + 1;
  return cursor < args.get(1);
}

template <ActionResult (*act)(View&, const Args&)>
ActionDef both_views(std::string name, std::vector<ArgDef> args = {}) {
  ActionDef def;
  def.name = std::move(name);
  def.args = std::move(args);
  def.open = def.sealed = rules::action_of<View, act>;
  return def;
}

template <unsigned World::*field>
FactDef fact(std::string name, std::vector<std::string> values, bool fixed) {
  FactDef def;
  def.name = std::move(name);
  def.values = std::move(values);
  def.compute = rules::fact_of<View, read_field<field>>;
  def.fixed = fixed;
  return def;
}

ArgDef arg(std::string name, ArgKind kind, bool required = true) {
  ArgDef def;
  def.name = std::move(name);
  def.kind = kind;
  def.required = required;
  return def;
}

rules::Vocabulary make_vocabulary() {
  rules::Vocabulary v;
  FactDef guest = fact<&World::guest>("guest", {"plain", "es", "snp"}, true);
  guest.implies = {{"plain", "guest.sealed", {"no"}},
                   {"es", "guest.sealed", {"yes"}},
                   {"snp", "guest.sealed", {"yes"}}};
  guest.text = "What the hardware does for the guest.";
  guest.source = "toy manual 1.1";
  v.add(guest);
  FactDef sealed;
  sealed.name = "guest.sealed";
  sealed.values = {"no", "yes"};
  sealed.compute = rules::fact_of<View, is_sealed>;
  v.add(sealed);
  v.add(fact<&World::write>("fault.write", {"no", "yes"}, true));
  v.add(fact<&World::slot>("slot", {"none", "rw", "readonly"}, false));
  v.add(fact<&World::lock>("lock", {"free", "held"}, false));
  FactDef cpl = fact<&World::cpl>("cpl", {"kernel", "user"}, true);
  cpl.needs = rules::Needs::kRegisters;
  v.add(cpl);
  FactDef emulation;
  emulation.name = "emulation";
  emulation.values = {"done", "mmio", "failed"};
  v.add(emulation);

  v.add(both_views<map_page>("map_page"));
  ActionDef emulator;
  emulator.name = "emulate";
  emulator.open = rules::action_of<View, emulate>;  // and no sealed form
  emulator.gives = {"emulation"};
  emulator.writes = "guest registers, guest memory";
  v.add(emulator);
  ArgDef vector = arg("vector", ArgKind::kInteger);
  vector.max = 255;
  v.add(both_views<inject>("inject", {vector, arg("error_code", ArgKind::kInteger, false)}));
  ArgDef colour = arg("colour", ArgKind::kWord);
  colour.words = {"red", "green"};
  v.add(both_views<paint>("paint", {colour}));
  v.add(both_views<take_lock>("take_lock"));
  v.add(both_views<drop_lock>("drop_lock"));
  v.add(both_views<say>("say", {arg("number", ArgKind::kValue)}));
  v.add(both_views<add>("add", {arg("to", ArgKind::kLocal), arg("what", ArgKind::kValue)}));
  v.add(both_views<touch_guest>("touch_guest"));

  rules::IteratorDef pages;
  pages.name = "pages";
  pages.next = rules::iterator_of<View, next_page>;
  v.add(pages);
  rules::IteratorDef between;
  between.name = "between";
  between.args = {arg("from", ArgKind::kValue), arg("to", ArgKind::kValue)};
  between.next = rules::iterator_of<View, next_between>;
  v.add(between);

  v.name_sealed_fact("guest.sealed");
  v.name_vm_fact("guest");
  return v;
}

}  // namespace

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary instance = make_vocabulary();
  return instance;
}

rules::LoadFile load_from(const Files& files) {
  return [files](const std::string& path) -> Result<yaml::Documents, Diagnostics> {
    const auto file = files.find(path);
    if (file == files.end()) return Diagnostics{{{path, 0, 0}, "there is no such file", "", ""}};
    return yaml::shared(yaml::load_text(expand(file->second), path));
  };
}

std::string expand(std::string text) {
  const std::string shorthand = ", E }";
  for (std::size_t at = 0; (at = text.find(shorthand, at)) != std::string::npos;) {
    text.replace(at, shorthand.size(), ", source: toy, evidence: code }");
  }
  return text;
}

Result<rules::Model, Diagnostics> model_of(const std::string& text) {
  const Files files = {{"toy.yaml", "kernel: toy\n" + text}};
  return rules::load_model("toy.yaml", {}, load_from(files));
}

Result<rules::Checked, Diagnostics> checked_of(const std::string& text,
                                               const rules::Outside& outside) {
  auto model = model_of(text);
  if (!model.ok()) return model.error();
  return rules::check(std::move(model).value(), vocabulary(), outside);
}

rules::Program program_of(const std::string& text, const rules::Settings& settings,
                          const rules::Outside& outside) {
  const auto checked = checked_of(text, outside);
  REQUIRE_MESSAGE(checked.ok(), refusal(checked));
  rules::WordTable words;
  auto program = rules::compile(checked.value(), settings, words);
  REQUIRE_MESSAGE(program.ok(), refusal(program));
  return std::move(program).value();
}

std::string spell(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& d : diagnostics) {
    if (!text.empty()) text += "\n";
    text += to_string(d);
  }
  return text;
}

}  // namespace nptsim::toy
