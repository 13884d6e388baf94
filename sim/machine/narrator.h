// Turns what happens inside a step into events. A machine without a narrator builds none.
#ifndef NPTSIM_SIM_MACHINE_NARRATOR_H_
#define NPTSIM_SIM_MACHINE_NARRATOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/arch/svm/cpu.h"
#include "sim/arch/svm/walk_observer.h"
#include "sim/machine/event.h"
#include "sim/rules/coverage.h"
#include "sim/rules/listener.h"

namespace nptsim::machine {

// Who acts, and under whose rules: every event names both.
struct Speaker {
  std::string by;
  Layer layer = Layer::kCpu;
};

class Narrator : public rules::Listener, public svm::WalkListener {
 public:
  explicit Narrator(EventSink* sink)
      : sink_(sink),
        tells_walks_(sink != nullptr && sink->wants("walk")),
        tells_decisions_(sink != nullptr && sink->wants("decide")) {}

  void set_speaker(Speaker speaker) { speaker_ = std::move(speaker); }
  const Speaker& speaker() const { return speaker_; }
  // Counts which rows are reached, too.
  void set_coverage(rules::Coverage* coverage) { coverage_ = coverage; }

  // Whether an event that happens now is to be emitted; if not, it only takes its number.
  bool tells(std::string_view kind);
  // Emits one event and returns its number. `rule` may be empty. The cause is the latest event of
  // the same step, so that an explanation can go from an outcome back to the access.
  std::uint64_t emit(std::string kind, EventFields fields, std::string rule = "");
  // The next event has no cause in what came before.
  void begin_step() { cause_ = 0; }

  // rules::Listener
  void decided(const rules::Decision& decision) override;
  bool wants_reasons() const override { return tells_decisions_; }
  void did(const rules::Deed& deed) override;
  void called(const rules::CallNote& note) override;
  void returned(const rules::ReturnNote& note) override;
  void entered(const rules::Program& program, const rules::RowInfo& row) override;
  void waits(const rules::Program& program, const rules::RowInfo& row,
             const rules::FactSeen& fact) override;

  // svm::WalkListener: the entries of one translation become one event.
  void on_entry_read(const svm::EntryRead& read) override;
  void on_entry_write(const svm::EntryWrite& write) override;
  void on_translated(const svm::Translated& translated, svm::RuleId rule) override;
  void on_failure(const svm::Failure& failure) override;
  void on_rmp_instruction(const svm::RmpNote& note) override;

  // What the processor made of an attempt: an exit, a delivery, a gap. `rip`: of the guest, where
  // the host can read its registers.
  void attempted(const svm::Attempt& attempt, const svm::ExitRecord& exit,
                 std::optional<std::uint64_t> rip);

 private:
  EventSink* sink_;
  bool tells_walks_;
  bool tells_decisions_;
  rules::Coverage* coverage_ = nullptr;
  Speaker speaker_;
  std::uint64_t next_ = 1;
  std::uint64_t cause_ = 0;
  std::vector<EventFields> entries_;  // of the walk under way
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_NARRATOR_H_
