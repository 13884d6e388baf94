// Whoever wants to hear what run() does: events, coverage. Without one nothing is built.
//
// What a note points to is valid during the call only; texts of the program stay.
#ifndef NPTSIM_SIM_RULES_LISTENER_H_
#define NPTSIM_SIM_RULES_LISTENER_H_

#include <span>
#include <string_view>

#include "sim/rules/program.h"

namespace nptsim::rules {

struct FactSeen {
  std::string_view fact;
  std::string_view value;
};

// A row that was passed over, and the first fact that ruled it out.
struct RowPassed {
  const RowInfo* row = nullptr;
  FactSeen by;
};

struct Decision {
  const Program& program;
  const RowInfo& decider;  // the procedure's row that asked
  std::string_view stage;
  const RowInfo& row;  // the stage's row that held
  std::span<const FactSeen> consulted;
  std::span<const RowPassed> passed;
  const Answer& answer;
};

struct Deed {
  const Program& program;
  const RowInfo& row;
  const ActionDef& action;
  const Args& args;
  const ActionResult& result;
};

struct CallNote {
  const Program& program;
  const RowInfo& row;
  Go how = Go::kCall;  // kCall, kExit or kIoctl
  std::string_view target;
};

struct ReturnNote {
  const Program& program;
  const RowInfo& row;
  std::string_view procedure;
  const Answer& answer;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void decided(const Decision&) {}
  // False: nobody looks at what a decision consulted and passed over, and both may be left empty.
  virtual bool wants_reasons() const { return true; }
  virtual void did(const Deed&) {}
  virtual void called(const CallNote&) {}
  virtual void returned(const ReturnNote&) {}
  // A procedure's row begins: its `when` holds.
  virtual void entered(const Program&, const RowInfo&) {}
  virtual void skipped(const Program&, const RowPassed&) {}
  virtual void waits(const Program&, const RowInfo&, const FactSeen&) {}
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_LISTENER_H_
