// Where the processor acts, with whoever listens: for the files that make up Machine only.
#ifndef NPTSIM_SIM_MACHINE_PLACE_H_
#define NPTSIM_SIM_MACHINE_PLACE_H_

#include "sim/machine/machine.h"

namespace nptsim::machine {

// One listener for two.
class Fanout final : public svm::WalkListener {
 public:
  Fanout(svm::WalkListener& first, svm::WalkListener& second) : both_{&first, &second} {}
  void on_entry_read(const svm::EntryRead& e) override {
    for (auto* listener : both_) listener->on_entry_read(e);
  }
  void on_entry_write(const svm::EntryWrite& e) override {
    for (auto* listener : both_) listener->on_entry_write(e);
  }
  void on_translated(const svm::Translated& t, svm::RuleId rule) override {
    for (auto* listener : both_) listener->on_translated(t, rule);
  }
  void on_failure(const svm::Failure& f) override {
    for (auto* listener : both_) listener->on_failure(f);
  }
  void on_rmp_instruction(const svm::RmpNote& n) override {
    for (auto* listener : both_) listener->on_rmp_instruction(n);
  }

 private:
  svm::WalkListener* both_[2];
};

// Calls use(place) with the listeners that there are.
template <class Use>
auto Machine::at_place(unsigned vcpu, Use&& use) {
  arch::PhysicalMemory dram = memory();
  svm::Cpu::Place place{dram, vcpu, nullptr};
  if (narrator_ != nullptr && monitor_ != nullptr) {
    Fanout both(*monitor_, *narrator_);
    place.listener = &both;
    return use(place);
  }
  place.listener = monitor_ != nullptr ? monitor_ : narrator_;
  return use(place);
}

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_PLACE_H_
