// A model as its files say it: names are still spelled, nothing is resolved.
//
// A file gives a Layer. Layers (the versions that a file extends, the files it includes, overlays)
// are merged, in order, into one Model (merge.h), which is then checked (check.h) and compiled.
#ifndef NPTSIM_SIM_RULES_MODEL_H_
#define NPTSIM_SIM_RULES_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/diagnostic.h"

namespace nptsim::rules {

enum class ModelKind : std::uint8_t { kKernel, kVmm, kGuest, kFirmware };
inline constexpr unsigned kModelKinds = 4;
std::string_view name_of(ModelKind kind);
std::optional<ModelKind> model_kind_named(std::string_view name);

// How a row is known.
enum class Evidence : std::uint8_t {
  kNone,      // not said: refused
  kRecorded,  // seen on a machine
  kSpec,      // a vendor's manual says so
  kCode,      // read in the source code
  kMailingList,
  kInferred,  // follows from the above
  kRecalled,  // known to the writer, not re-read
  kGiven,     // said by the scenario itself
};
std::string_view name_of(Evidence evidence);
std::optional<Evidence> evidence_named(std::string_view name);
const std::vector<std::string>& evidence_names();

// A word of the file and where it stands.
struct Spelled {
  std::string text;
  SourcePos pos;
};

// `fact: value`, `fact: [value, value]`, `fact: { not: ... }`.
struct Condition {
  Spelled fact;
  std::vector<Spelled> values;
  bool inverted = false;
};

// `name: value`; the shorthand `{ action: value }` has no name and means the first argument.
struct Argument {
  Spelled name;
  Spelled value;
};

struct ActionUse {
  Spelled name;
  std::vector<Argument> args;
};

// `emulate`, or `{ error: EFAULT, info: none }`: the word `error` with the fields error and info.
struct AnswerUse {
  Spelled word;
  std::vector<std::pair<Spelled, Spelled>> fields;
};

enum class Go : std::uint8_t { kNowhere, kDecide, kCall, kExit, kIoctl };
enum class LoopKind : std::uint8_t { kNone, kEach, kRepeat };
enum class Place : std::uint8_t { kNone, kBefore, kAfter, kFirst, kLast };

// Which file, and which version or overlay, a row comes from.
struct Origin {
  std::string layer;  // "kvm-6.12", or the overlay's name
  bool overlay = false;
  SourcePos pos;
};

// A row of a stage or of a procedure. What it does runs in this order: step, wait, do, then decide
// or call or exit or ioctl, return. A loop does only its `rows`.
struct Row {
  Spelled id;
  Spelled source;
  Evidence evidence = Evidence::kNone;
  std::string text;
  Origin origin;

  std::vector<Condition> when;
  std::vector<ActionUse> actions;   // do:
  std::optional<AnswerUse> answer;  // then: in a stage, return: in a procedure

  bool new_step = false;
  std::vector<Condition> wait;
  Go go = Go::kNowhere;
  Spelled target;
  std::vector<Argument> with;  // the callee's local: a local of ours, `cursor` or a number
  LoopKind loop = LoopKind::kNone;
  ActionUse iterator;                  // each:
  std::vector<Condition> while_holds;  // repeat: { while: ... }
  std::vector<Row> rows;

  // How a layer puts the row into what the layers before it made.
  Place place = Place::kNone;
  Spelled anchor;
  Spelled over;  // the overlay whose row this one knowingly replaces
};

// With those inside of loops.
std::size_t count_rows(const std::vector<Row>& rows);

struct Stage {
  Spelled name;
  std::vector<Row> rows;
};

struct Procedure {
  Spelled name;
  std::vector<Spelled> locals;  // those of `locals:`, then those of `keeps:`
  std::vector<Spelled> takes;   // facts of the caller's frame that are here from the start
  std::vector<Row> rows;
  std::size_t own_locals = 0;  // the last so many locals (`keeps:`) are given by no caller
};

// `{ default: on }`, `{ default: 0, range: 0..9 }`, `{ default: lazy, values: [lazy, eager] }`.
struct Param {
  Spelled name;
  std::optional<Spelled> default_value;
  std::vector<Spelled> values;  // empty: off and on
  std::optional<std::pair<std::int64_t, std::int64_t>> range;
  std::string text;
  Origin origin;
  Spelled over;
};

// A value by type of VM; `default` is for the types that are not named.
struct Capability {
  Spelled name;
  std::vector<std::pair<Spelled, Spelled>> columns;
  Origin origin;
};

struct Model {
  ModelKind kind = ModelKind::kKernel;
  std::string name;   // "kvm-7.0", or "kvm-7.0+readonly-no-mmio"
  std::string title;  // "Linux 7.0 KVM"
  SourcePos pos;
  std::vector<std::string> layers;  // what was merged, in order
  std::vector<Param> params;
  std::vector<Capability> capabilities;
  std::vector<Spelled> exports;  // procedures that others may enter; empty: those nobody calls
  std::vector<Stage> stages;
  std::vector<Procedure> procedures;
};

// --- one file's part ---

struct Removal {
  Spelled id;
  Spelled over;
};
struct Move {
  Spelled id;
  Place place = Place::kNone;
  Spelled anchor;
  Spelled over;
};
struct StageEdit {
  Stage stage;
  bool replace = false;  // all rows anew
  Spelled over;
};
struct ProcedureEdit {
  Procedure procedure;
  bool replace = false;
  Spelled over;
  bool says_locals = false;
  bool says_takes = false;
};

struct Layer {
  ModelKind kind = ModelKind::kKernel;
  std::string name;
  std::string title;
  bool overlay = false;
  SourcePos pos;
  std::vector<Param> params;
  std::vector<Capability> capabilities;
  std::vector<Spelled> exports;
  std::vector<StageEdit> stages;
  std::vector<ProcedureEdit> procedures;
  std::vector<Removal> removals;
  std::vector<Move> moves;
};

// One overlay may touch several models.
struct Overlay {
  Spelled name;
  std::string source;
  std::string text;
  std::vector<std::pair<ModelKind, Spelled>> base;  // the stack it was written on
  std::vector<Layer> layers;                        // at most one for each kind
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_MODEL_H_
