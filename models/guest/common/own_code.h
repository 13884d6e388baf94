// Instructions of modelled guest code that have to be real ones.
//
// Most accesses of modelled code are only accesses. But where one may raise #VC, or be emulated by
// a hypervisor, somebody will decode the instruction at the saved RIP. Such an access is a real
// instruction: it is written below the stack pointer, as if the code had always been there, and RIP
// points at it.
#ifndef NPTSIM_MODELS_GUEST_COMMON_OWN_CODE_H_
#define NPTSIM_MODELS_GUEST_COMMON_OWN_CODE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/guest/common/define.h"

namespace nptsim::guest {

// What own code takes of the stack: the instructions at its low end, room above them.
inline constexpr unsigned kOwnFrame = 0x100;
// In that room: where `copy` puts what it reads, and how much that may be.
inline constexpr unsigned kCopyBuffer = 0x40, kMaxCopy = 0x80;

// Writes `code` (at most 32 bytes) and takes the room. False: the store did not happen yet.
bool enter_own_code(GuestView& view, std::span<const std::uint8_t> code);
void leave_own_code(GuestView& view);
// Enters it and runs it: the row after this one goes on behind its last instruction. RIP goes to
// args[keep_rip].
bool run_own_code(GuestView& view, const Args& args, unsigned keep_rip,
                  std::span<const std::uint8_t> code);

// Reads with the handler's own MOVs while RIP points at them. Two words of the frame hold RAX and
// RIP meanwhile; zero words say that nothing is under way.
class OwnLoads {
 public:
  OwnLoads(GuestView& view, const Args& args, unsigned keep_rax, unsigned keep_rip)
      : view_(view), args_(args), keep_rax_(keep_rax), keep_rip_(keep_rip) {}

  // Both: false if an access did not happen. Whoever comes back calls them again, in the same
  // order.
  bool begin();
  // 1, 2, 4 or 8 bytes. Done too when somebody else completed the MOV (a nested #VC).
  bool load(std::uint64_t address, unsigned size, std::uint64_t& value);
  void end();

 private:
  GuestView& view_;
  const Args& args_;
  unsigned keep_rax_, keep_rip_;
};

// One element of a string move, by two native MOVs: rAX from [RSI], then [RDI] from rAX. The row
// after the one that begins must end it. After the read RAX holds the element; after the write it
// is the interrupted code's again.
bool begin_element(GuestView& view, bool write, unsigned size, const Args& args, unsigned keep_rip,
                   unsigned keep_rax);
void end_element(GuestView& view, bool write, const Args& args, unsigned keep_rip,
                 unsigned keep_rax);

// MOV between rAX and [RSI] or [RDI], then a NOP: whoever emulates the MOV advances RIP to the NOP,
// and the processor still has one instruction to retire before the end of the code.
inline constexpr std::uint8_t kModrmAtRsi = 0x06, kModrmAtRdi = 0x07;
std::vector<std::uint8_t> mov_code(bool store, unsigned size, std::uint8_t modrm);
// edk2 MdePkg/Library/BaseMemoryLibRepStr/X64/CopyMem.nasm: quadwords (RCX is how many), then the
// bytes left. The direction flag is clear in C code.
std::vector<std::uint8_t> copy_mem_code(std::uint64_t size);

// begin_load, end_load, begin_store...: rows' names for native MOVs.
void add_own_code(rules::Vocabulary& vocabulary);

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_OWN_CODE_H_
