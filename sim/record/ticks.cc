#include "sim/record/ticks.h"

namespace nptsim::record {
namespace {

void do_nothing(int) {}

}  // namespace

// Without SA_RESTART: the call that is under way has to come back.
Ticks::Ticks(unsigned microseconds) {
  struct sigaction handler {};
  handler.sa_handler = do_nothing;
  sigaction(SIGALRM, &handler, &before_);
  const itimerval timer{{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &timer, &timer_before_);
}

Ticks::~Ticks() {
  setitimer(ITIMER_REAL, &timer_before_, nullptr);
  sigaction(SIGALRM, &before_, nullptr);
}

}  // namespace nptsim::record
