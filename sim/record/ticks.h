// A signal every few milliseconds while it lives: KVM_RUN comes back with EINTR, so that a guest
// that never exits cannot keep this thread.
#ifndef NPTSIM_SIM_RECORD_TICKS_H_
#define NPTSIM_SIM_RECORD_TICKS_H_

#include <signal.h>
#include <sys/time.h>

namespace nptsim::record {

class Ticks {
 public:
  explicit Ticks(unsigned microseconds);
  ~Ticks();
  Ticks(const Ticks&) = delete;
  Ticks& operator=(const Ticks&) = delete;

 private:
  struct sigaction before_ {};
  itimerval timer_before_{};
};

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_TICKS_H_
