// Bytes to Instruction.
#ifndef NPTSIM_SIM_ISA_DECODE_H_
#define NPTSIM_SIM_ISA_DECODE_H_

#include <memory>
#include <span>

#include "sim/isa/instruction.h"

namespace nptsim::isa {

enum class DecodeStatus : u8 {
  kOk,
  kNeedsMoreBytes,  // the bytes end inside the instruction: fetch on (it is at most 15 long)
  kInvalid,         // #UD
  kTooLong,         // more than 15 bytes: #GP(0) (APM vol. 2, 8.2.14)
};

// Instructions outside the executed set decode well; executing them gives kUnsupported.
// `instruction` is only written for kOk.
DecodeStatus decode(std::span<const u8> bytes, Mode mode, Instruction& instruction);

// The exception for a status that is neither kOk nor kNeedsMoreBytes.
Outcome decode_fault(DecodeStatus status);

// Remembers decoded instructions by rip and mode. Derived, never state: each hit is compared with
// the bytes that are there now, so changed code is always noticed and nothing must be flushed.
class DecodeCache {
 public:
  DecodeCache();

  // `bytes` are what lies at `rip` now. The pointer is good until the next lookup; it is null
  // unless status is kOk.
  struct Found {
    DecodeStatus status = DecodeStatus::kOk;
    const Instruction* instruction = nullptr;
  };
  Found lookup(u64 rip, Mode mode, std::span<const u8> bytes);

 private:
  static constexpr unsigned kEntries = 512;
  struct Entry {
    u64 rip = 0;
    Instruction instruction;  // length 0: empty
  };
  Found fill(Entry& entry, u64 rip, Mode mode, std::span<const u8> bytes);

  std::unique_ptr<Entry[]> entries_;
};

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_DECODE_H_
