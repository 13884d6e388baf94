// Listeners of a run.
#ifndef NPTSIM_SIM_CLI_EVENT_LOG_H_
#define NPTSIM_SIM_CLI_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/machine/event.h"

namespace nptsim::cli {

// The start-up and the run count their events from 1 each; behind this they are one sequence.
class OneSequence final : public machine::EventSink {
 public:
  // `wants`: by kind, what `next` is interested in.
  OneSequence(std::function<bool(std::string_view)> wants, std::function<void(machine::Event)> next)
      : wants_(std::move(wants)), next_(std::move(next)) {}

  void begin_phase() { offset_ = last_; }
  std::uint64_t last() const { return last_; }

  void take(machine::Event event) override {
    event.n += offset_;
    if (event.cause) *event.cause += offset_;
    last_ = event.n;
    next_(std::move(event));
  }
  bool wants(std::string_view kind) const override { return wants_(kind); }
  void pass_over(std::uint64_t n) override { last_ = n + offset_; }

 private:
  std::function<bool(std::string_view)> wants_;
  std::function<void(machine::Event)> next_;
  std::uint64_t offset_ = 0;
  std::uint64_t last_ = 0;
};

// Keeps events up to a limit, so that a long run cannot take all memory.
struct KeptEvents {
  static constexpr std::size_t kMost = 1'000'000;
  std::vector<machine::Event> events;
  std::uint64_t left_out = 0;

  void take(machine::Event event) {
    if (events.size() < kMost) {
      events.push_back(std::move(event));
    } else {
      ++left_out;
    }
  }
};

class Keeper final : public machine::EventSink {
 public:
  void take(machine::Event event) override { kept_.take(std::move(event)); }
  const KeptEvents& kept() const { return kept_; }

 private:
  KeptEvents kept_;
};

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_EVENT_LOG_H_
