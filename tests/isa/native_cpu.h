// The processor that the tests run on, as a judge: runs one instruction with given registers.
#ifndef NPTSIM_TESTS_ISA_NATIVE_CPU_H_
#define NPTSIM_TESTS_ISA_NATIVE_CPU_H_

#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "sim/isa/registers.h"

namespace nptsim::isa {

#if defined(__x86_64__)
inline constexpr bool kHasNativeCpu = true;
#else
inline constexpr bool kHasNativeCpu = false;
#endif

// What goes in and comes out. RSP belongs to the host and is left alone.
struct NativeState {
  u64 gpr[kGprCount] = {};
  u64 rflags = 2;
};

class NativeCpu {
 public:
  NativeCpu() {
    void* const p = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED) code_ = static_cast<u8*>(p);
  }
  ~NativeCpu() {
    if (code_ != nullptr) munmap(code_, kPageSize);
  }
  NativeCpu(const NativeCpu&) = delete;
  NativeCpu& operator=(const NativeCpu&) = delete;

  // Some hosts refuse pages that are writable and executable.
  bool available() const { return kHasNativeCpu && code_ != nullptr; }

  void run(const std::vector<u8>& instruction, NativeState& state) {
    build(instruction);
    reinterpret_cast<void (*)(NativeState*)>(code_)(&state);
  }

 private:
  void emit(std::initializer_list<int> bytes) {
    for (const int b : bytes) code_[length_++] = static_cast<u8>(b);
  }
  // mov r, [rdi + 8*r] and back; RDI last, or first.
  void load(unsigned r) { move(0x8b, r); }
  void store(unsigned r) { move(0x89, r); }
  void move(int opcode, unsigned r) {
    emit({0x48 | (r >= 8 ? 4 : 0), opcode, 0x47 | static_cast<int>(r % 8) << 3,
          static_cast<int>(8 * r)});
  }

  void build(const std::vector<u8>& instruction) {
    length_ = 0;
    emit({0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57});  // push rbx rbp r12..r15
    emit({0x57});                                                        // push rdi: the state
    emit({0xff, 0xb7, 0x80, 0, 0, 0, 0x9d});                             // push [rdi+0x80]; popfq
    for (unsigned r = 0; r < kGprCount; ++r) {
      if (r != kRsp && r != kRdi) load(r);
    }
    load(kRdi);
    std::memcpy(code_ + length_, instruction.data(), instruction.size());
    length_ += instruction.size();
    emit({0x9c});                          // pushfq
    emit({0x57});                          // push rdi: its result
    emit({0x48, 0x8b, 0x7c, 0x24, 0x10});  // mov rdi, [rsp+16]: the state
    for (unsigned r = 0; r < kGprCount; ++r) {
      if (r != kRsp && r != kRdi) store(r);
    }
    emit({0x8f, 0x47, 0x38});           // pop [rdi+8*7]
    emit({0x8f, 0x87, 0x80, 0, 0, 0});  // pop [rdi+0x80]
    emit({0xfc, 0x5f});                 // cld; pop rdi
    emit({0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3});
  }

  u8* code_ = nullptr;
  std::size_t length_ = 0;
};

}  // namespace nptsim::isa

#endif  // NPTSIM_TESTS_ISA_NATIVE_CPU_H_
