#include "sim/cli/interrupt.h"

#include <csignal>

#include <atomic>

namespace nptsim::cli {
namespace {

// Plain, because a machine knows no signals and no threads; written once, and only to true.
bool flag = false;

void on_signal(int) { std::atomic_ref<bool>(flag).store(true, std::memory_order_relaxed); }

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return std::atomic_ref<bool>(flag).load(std::memory_order_relaxed); }

const bool* interrupt_flag() { return &flag; }

}  // namespace nptsim::cli
