#include "sim/rules/row_reader.h"

#include "sim/yaml/read.h"

namespace nptsim::rules {
namespace {

constexpr unsigned kMaxDepth = 8;  // of loops in the file; check() allows fewer

const std::vector<std::string> kCommonKeys = {"id",     "source", "evidence", "text", "when", "do",
                                              "before", "after",  "first",    "last", "over"};

std::vector<std::string> keys_of(bool stage) {
  std::vector<std::string> keys = kCommonKeys;
  if (stage) {
    keys.emplace_back("then");
  } else {
    for (const char* key : {"decide", "call", "exit", "ioctl", "with", "return", "wait", "each",
                            "repeat", "rows", "step"}) {
      keys.emplace_back(key);
    }
  }
  return keys;
}
const std::vector<std::string> kStageRowKeys = keys_of(true);
const std::vector<std::string> kProcedureRowKeys = keys_of(false);

const std::vector<std::string> kStageKeys = {"stage",  "over", "source", "evidence",
                                             "remove", "move", "rows"};
const std::vector<std::string> kProcedureKeys = {"procedure", "over", "source", "evidence",
                                                 "remove",    "move", "locals", "keeps",
                                                 "takes",     "rows"};
const std::vector<std::string> kReplace = {"replace"};
const std::vector<std::string> kNew = {"new"};

}  // namespace

struct RowReader::TableHead {
  Spelled name;
  bool replace = false;
  Spelled over;
  std::vector<Spelled> locals;
  std::vector<Spelled> takes;
  std::size_t own_locals = 0;
  bool says_locals = false;
  bool says_takes = false;
  std::vector<Row> rows;
};

void RowReader::fail(const SourcePos& pos, std::string found, std::string accepted,
                     std::string suggestion) {
  out_.push_back({pos, std::move(found), std::move(accepted), std::move(suggestion)});
}

Spelled RowReader::read_word(const yaml::Node& node, const std::string& what) {
  if (!node.is_scalar() || node.text.empty()) {
    yaml::report_kind(node, what, "a word", out_);
    return {"", node.pos};
  }
  return {node.text, node.pos};
}

std::vector<Spelled> RowReader::read_words(const yaml::Node& node, const std::string& what) {
  std::vector<Spelled> words;
  if (node.is_sequence()) {
    for (const yaml::Node& item : node.items) words.push_back(read_word(item, what));
  } else {
    words.push_back(read_word(node, what));
  }
  return words;
}

void RowReader::read_defaults(const yaml::Node& map, RowDefaults& defaults) {
  if (const yaml::Node* source = map.find("source")) {
    defaults.source = read_word(*source, "source");
  }
  if (const yaml::Node* evidence = map.find("evidence")) {
    const auto word = yaml::read_word(*evidence, "evidence", evidence_names(), out_);
    if (word) defaults.evidence = evidence_named(*word).value_or(Evidence::kNone);
  }
}

// --- tables ---

void RowReader::read_stages(const yaml::Node& node, const RowDefaults& defaults, Layer& layer) {
  if (node.is_null()) return;
  if (!node.is_map()) return yaml::report_kind(node, "stages", "a map of stages by name", out_);
  for (const yaml::MapEntry& entry : node.entries) {
    TableHead head;
    read_table(entry.key, entry.value, true, head, defaults, layer);
    layer.stages.push_back({{head.name, std::move(head.rows)}, head.replace, head.over});
  }
}

void RowReader::read_procedures(const yaml::Node& node, const RowDefaults& defaults, Layer& layer) {
  if (node.is_null()) return;
  if (!node.is_map()) {
    return yaml::report_kind(node, "procedures", "a map of procedures by name", out_);
  }
  for (const yaml::MapEntry& entry : node.entries) {
    TableHead head;
    read_table(entry.key, entry.value, false, head, defaults, layer);
    layer.procedures.push_back({{head.name, std::move(head.locals), std::move(head.takes),
                                 std::move(head.rows), head.own_locals},
                                head.replace,
                                head.over,
                                head.says_locals,
                                head.says_takes});
  }
}

void RowReader::read_table(const yaml::Node& key, const yaml::Node& node, bool stage,
                           TableHead& head, const RowDefaults& defaults, Layer& layer) {
  const std::string kind = stage ? "stage" : "procedure";
  head.name = {key.text, key.pos};
  const std::string what = kind + " " + yaml::quote(key.text);
  if (node.is_sequence()) {
    head.rows = read_rows(node, stage, defaults, 0);
    return;
  }
  if (node.is_null()) return;
  if (!node.is_map()) return yaml::report_kind(node, what, "a list of rows", out_);
  const yaml::MapReader reader(node, what, stage ? kStageKeys : kProcedureKeys, out_);
  if (const yaml::Node* mode = reader.find(kind)) {
    head.replace = yaml::read_word(*mode, kind + " of " + what, kReplace, out_).has_value();
  }
  if (const yaml::Node* over = reader.find("over")) head.over = read_word(*over, "over");
  RowDefaults inner = defaults;
  read_defaults(node, inner);
  if (const yaml::Node* locals = stage ? nullptr : reader.find("locals")) {
    head.locals = read_words(*locals, "locals of " + what);
    head.says_locals = true;
  }
  if (const yaml::Node* keeps = stage ? nullptr : reader.find("keeps")) {
    const std::vector<Spelled> own = read_words(*keeps, "keeps of " + what);
    head.locals.insert(head.locals.end(), own.begin(), own.end());
    head.own_locals = own.size();
    head.says_locals = true;
  }
  if (const yaml::Node* takes = stage ? nullptr : reader.find("takes")) {
    head.takes = read_words(*takes, "takes of " + what);
    head.says_takes = true;
  }
  if (const yaml::Node* removals = reader.find("remove")) read_removals(*removals, layer);
  if (const yaml::Node* moves = reader.find("move")) read_moves(*moves, layer);
  if (const yaml::Node* rows = reader.find("rows")) head.rows = read_rows(*rows, stage, inner, 0);
}

void RowReader::read_removals(const yaml::Node& node, Layer& layer) {
  const std::string accepted = "a list of row ids, or of { id: ID, over: OVERLAY }";
  if (!node.is_sequence()) return yaml::report_kind(node, "remove", accepted, out_);
  for (const yaml::Node& item : node.items) {
    if (item.is_map()) {
      static const std::vector<std::string> kKeys = {"id", "over"};
      yaml::MapReader reader(item, "remove", kKeys, out_);
      Removal removal;
      if (const yaml::Node* id = reader.require("id")) removal.id = read_word(*id, "id");
      if (const yaml::Node* over = reader.find("over")) removal.over = read_word(*over, "over");
      layer.removals.push_back(std::move(removal));
    } else {
      layer.removals.push_back({read_word(item, "remove"), {}});
    }
  }
}

void RowReader::read_moves(const yaml::Node& node, Layer& layer) {
  if (!node.is_map()) {
    return yaml::report_kind(node, "move", "a map like { ROW: { before: OTHER } }", out_);
  }
  static const std::vector<std::string> kKeys = {"before", "after", "first", "last", "over"};
  for (const yaml::MapEntry& entry : node.entries) {
    Row place;
    place.id = {entry.key.text, entry.key.pos};
    const yaml::MapReader reader(entry.value, "move of " + yaml::quote(entry.key.text), kKeys,
                                 out_);
    if (!reader.ok()) continue;
    read_place(entry.value, place);
    if (place.place == Place::kNone) {
      fail(entry.value.pos, "move of " + yaml::quote(entry.key.text) + " does not say where to",
           "before: ID, after: ID, first: yes or last: yes");
      continue;
    }
    layer.moves.push_back({place.id, place.place, place.anchor, place.over});
  }
}

// --- rows ---

std::vector<Row> RowReader::read_rows(const yaml::Node& node, bool stage,
                                      const RowDefaults& defaults, unsigned depth) {
  std::vector<Row> rows;
  if (!node.is_sequence()) {
    yaml::report_kind(node, "rows", "a list of rows", out_);
    return rows;
  }
  for (const yaml::Node& item : node.items) {
    if (item.is_map()) {
      rows.push_back(read_row(item, stage, defaults, depth));
    } else {
      yaml::report_kind(item, "row",
                        "a map like { id: ..., when: ..., source: ..., evidence: ... }", out_);
    }
  }
  return rows;
}

Row RowReader::read_row(const yaml::Node& node, bool stage, const RowDefaults& defaults,
                        unsigned depth) {
  Row row;
  row.origin = origin_at(node.pos);
  const yaml::Node* id = node.find("id");
  if (id != nullptr) row.id = read_word(*id, "id");
  const std::string what = row.id.text.empty() ? "row" : "row " + yaml::quote(row.id.text);
  const yaml::MapReader reader(node, what, stage ? kStageRowKeys : kProcedureRowKeys, out_);
  RowDefaults own = defaults;
  read_defaults(node, own);
  row.source = own.source;
  row.evidence = own.evidence;
  if (const yaml::Node* text = reader.find("text")) {
    row.text = yaml::read_text(*text, "text of " + what, out_).value_or("");
  }
  if (const yaml::Node* when = reader.find("when")) {
    row.when = read_conditions(*when, "when of " + what);
  }
  if (const yaml::Node* actions = reader.find("do")) row.actions = read_actions(*actions);
  if (stage) {
    if (const yaml::Node* then = reader.find("then")) {
      row.answer = read_answer(*then, "then of " + what);
    }
  } else {
    read_flow(node, row, defaults, depth);
  }
  read_place(node, row);
  return row;
}

void RowReader::read_flow(const yaml::Node& node, Row& row, const RowDefaults& defaults,
                          unsigned depth) {
  static constexpr std::pair<const char*, Go> kTargets[] = {
      {"decide", Go::kDecide}, {"call", Go::kCall}, {"exit", Go::kExit}, {"ioctl", Go::kIoctl}};
  for (const auto& [key, go] : kTargets) {
    const yaml::MapEntry* entry = node.find_entry(key);
    if (entry == nullptr) continue;
    if (row.go != Go::kNowhere) {
      fail(entry->key.pos,
           "a row goes to one place, and this one also says '" + std::string(key) + "'",
           "one of decide, call, exit or ioctl");
      continue;
    }
    row.go = go;
    row.target = read_word(entry->value, key);
  }
  if (const yaml::Node* with = node.find("with")) {
    row.with = read_arguments(*with, "with");
    if (row.go == Go::kNowhere) fail(with->pos, "`with` goes with call, exit and ioctl only");
  }
  if (const yaml::Node* answer = node.find("return")) row.answer = read_answer(*answer, "return");
  if (const yaml::Node* wait = node.find("wait")) row.wait = read_conditions(*wait, "wait");
  if (const yaml::Node* step = node.find("step")) {
    row.new_step = yaml::read_word(*step, "step", kNew, out_).has_value();
  }
  if (const yaml::Node* each = node.find("each")) {
    row.loop = LoopKind::kEach;
    row.iterator = read_use(*each, "each");
  }
  if (const yaml::MapEntry* repeat = node.find_entry("repeat")) {
    static const std::vector<std::string> kKeys = {"while"};
    if (row.loop != LoopKind::kNone) {
      fail(repeat->key.pos, "a row is one loop, and this one says `each` and `repeat`");
    }
    row.loop = LoopKind::kRepeat;
    yaml::MapReader reader(repeat->value, "repeat", kKeys, out_);
    if (const yaml::Node* holds = reader.ok() ? reader.require("while") : nullptr) {
      row.while_holds = read_conditions(*holds, "while");
    }
  }
  if (const yaml::Node* rows = node.find("rows")) {
    if (row.loop == LoopKind::kNone) {
      fail(rows->pos, "`rows` belongs to a loop", "each or repeat beside it");
    } else if (depth >= kMaxDepth) {
      fail(rows->pos, "loops in loops in loops, more than can be meant");
    } else {
      row.rows = read_rows(*rows, false, defaults, depth + 1);
    }
  }
}

void RowReader::read_place(const yaml::Node& node, Row& row) {
  static constexpr std::pair<const char*, Place> kPlaces[] = {{"before", Place::kBefore},
                                                              {"after", Place::kAfter},
                                                              {"first", Place::kFirst},
                                                              {"last", Place::kLast}};
  for (const auto& [key, place] : kPlaces) {
    const yaml::MapEntry* entry = node.find_entry(key);
    if (entry == nullptr) continue;
    if (row.place != Place::kNone) {
      fail(entry->key.pos, "a row has one place, and this one also says '" + std::string(key) + "'",
           "one of before, after, first or last");
      continue;
    }
    if (place == Place::kBefore || place == Place::kAfter) {
      row.place = place;
      row.anchor = read_word(entry->value, key);
    } else if (yaml::read_yes_no(entry->value, key, out_).value_or(false)) {
      row.place = place;
    }
  }
  if (const yaml::Node* over = node.find("over")) row.over = read_word(*over, "over");
}

// --- parts of a row ---

std::vector<Condition> RowReader::read_conditions(const yaml::Node& node, const std::string& what) {
  std::vector<Condition> conditions;
  if (node.is_null()) return conditions;
  if (!node.is_map()) {
    yaml::report_kind(node, what, "a map like { fact: value }", out_);
    return conditions;
  }
  for (const yaml::MapEntry& entry : node.entries) {
    if (entry.key.text != "not") {
      conditions.push_back(read_condition(entry.key, entry.value));
      continue;
    }
    // `not: { fact: value }`, the other way to write `fact: { not: value }`.
    if (!entry.value.is_map() || entry.value.entries.size() != 1) {
      fail(entry.value.pos, what + ": `not` has to name one fact",
           "not: { fact: value }, or fact: { not: value }",
           "for several facts write `not` at each of them");
      continue;
    }
    const yaml::MapEntry& inner = entry.value.entries[0];
    conditions.push_back(read_condition(inner.key, inner.value));
    conditions.back().inverted = !conditions.back().inverted;
  }
  return conditions;
}

Condition RowReader::read_condition(const yaml::Node& fact, const yaml::Node& value) {
  Condition condition;
  condition.fact = {fact.text, fact.pos};
  const yaml::Node* values = &value;
  if (value.is_map()) {
    static const std::vector<std::string> kKeys = {"not"};
    yaml::MapReader reader(value, "value of " + yaml::quote(fact.text), kKeys, out_);
    values = reader.require("not");
    condition.inverted = true;
    if (values == nullptr) return condition;
  }
  condition.values = read_words(*values, "value of " + yaml::quote(fact.text));
  if (condition.values.empty()) {
    fail(value.pos, "fact " + yaml::quote(fact.text) + " is tested for no value at all");
  }
  return condition;
}

std::vector<ActionUse> RowReader::read_actions(const yaml::Node& node) {
  std::vector<ActionUse> uses;
  if (node.is_sequence()) {
    for (const yaml::Node& item : node.items) uses.push_back(read_use(item, "do"));
  } else {
    uses.push_back(read_use(node, "do"));
  }
  return uses;
}

ActionUse RowReader::read_use(const yaml::Node& node, const std::string& what) {
  ActionUse use;
  if (!node.is_map()) {
    use.name = read_word(node, what);
    return use;
  }
  if (node.entries.size() != 1) {
    fail(node.pos, what + ": one name at a time, found " + std::to_string(node.entries.size()),
         "name, or { name: { argument: value } }, or a list of these");
    return use;
  }
  const yaml::MapEntry& entry = node.entries[0];
  use.name = {entry.key.text, entry.key.pos};
  if (entry.value.is_map()) {
    use.args = read_arguments(entry.value, "arguments of " + yaml::quote(entry.key.text));
  } else if (!entry.value.is_null()) {
    use.args.push_back({{}, read_word(entry.value, "argument of " + yaml::quote(entry.key.text))});
  }
  return use;
}

std::vector<Argument> RowReader::read_arguments(const yaml::Node& node, const std::string& what) {
  std::vector<Argument> args;
  if (!node.is_map()) {
    yaml::report_kind(node, what, "a map like { argument: value }", out_);
    return args;
  }
  for (const yaml::MapEntry& entry : node.entries) {
    args.push_back({{entry.key.text, entry.key.pos},
                    read_word(entry.value, "argument " + yaml::quote(entry.key.text))});
  }
  return args;
}

AnswerUse RowReader::read_answer(const yaml::Node& node, const std::string& what) {
  AnswerUse answer;
  if (!node.is_map()) {
    answer.word = read_word(node, what);
    return answer;
  }
  if (node.entries.empty()) {
    fail(node.pos, what + " is an empty map",
         "a word, or a map like { error: EFAULT, info: none }");
    return answer;
  }
  answer.word = {node.entries[0].key.text, node.entries[0].key.pos};
  for (const yaml::MapEntry& entry : node.entries) {
    answer.fields.push_back({{entry.key.text, entry.key.pos},
                             read_word(entry.value, "field " + yaml::quote(entry.key.text))});
  }
  return answer;
}

}  // namespace nptsim::rules
