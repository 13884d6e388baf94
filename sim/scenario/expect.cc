#include "sim/scenario/expect.h"

namespace nptsim::scenario {

// The words of design and formats; a test holds them against the machine's own names.
const std::vector<std::string>& outcome_words() {
  static const std::vector<std::string> kWords = {
      "completes",   "exception", "spins",   "waits",     "guest-terminated", "shutdown",
      "unspecified", "undecided", "refused", "vm-killed", "host-fault"};
  return kWords;
}

const std::vector<std::string>& spin_words() {
  static const std::vector<std::string> kWords = {"fault", "kernel", "vmm", "guest"};
  return kWords;
}

const std::vector<std::string>& harm_words() {
  static const std::vector<std::string> kWords = {
      "rom-modified",        "stale-data-read", "ciphertext-read",   "private-data-exposed",
      "host-memory-exposed", "write-lost",      "integrity-violated"};
  return kWords;
}

const std::vector<std::string>& seen_by_words() {
  static const std::vector<std::string> kWords = {"guest", "kernel", "vmm", "firmware", "nobody"};
  return kWords;
}

}  // namespace nptsim::scenario
