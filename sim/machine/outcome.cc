#include "sim/machine/outcome.h"

#include <cstddef>
#include <iterator>

namespace nptsim::machine {
namespace {

constexpr std::string_view kOutcomeNames[] = {
    "completes",   "exception", "spins",   "waits",     "guest-terminated", "shutdown",
    "unspecified", "undecided", "refused", "vm-killed", "host-fault"};
constexpr std::string_view kSpinNames[] = {"none", "fault", "kernel", "vmm", "guest"};

}  // namespace

std::string_view name_of(OutcomeKind kind) { return kOutcomeNames[static_cast<unsigned>(kind)]; }

std::optional<OutcomeKind> outcome_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kOutcomeNames); ++i) {
    if (kOutcomeNames[i] == name) return static_cast<OutcomeKind>(i);
  }
  return std::nullopt;
}

std::string_view name_of(SpinKind kind) { return kSpinNames[static_cast<unsigned>(kind)]; }

}  // namespace nptsim::machine
