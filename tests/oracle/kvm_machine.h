// The model as the recorder's VM: 64 KiB of RAM in slot 0, one vCPU, `vmm: bare`, and backings that
// slots may point to.
#ifndef NPTSIM_TESTS_ORACLE_KVM_MACHINE_H_
#define NPTSIM_TESTS_ORACLE_KVM_MACHINE_H_

#include <map>
#include <memory>
#include <span>

#include "sim/machine/machine.h"
#include "sim/machine/narrator.h"
#include "tests/oracle/kvm_access.h"

namespace nptsim::oracle::kvm {

// One return of KVM_RUN to user space.
struct Exit {
  bool io = false;
  std::uint64_t address = 0;  // GPA, or port
  std::uint64_t length = 0;
  bool write = false;
  std::uint64_t data = 0;
};

struct Ran {
  std::vector<Exit> exits;
  std::string end;  // "ok", "internal_error", "shutdown", "EFAULT", or what the model says
  std::uint64_t suberror = 0;
  isa::Registers registers;
};

class Vm : private machine::EventSink {
 public:
  explicit Vm(isa::Mode mode);
  ~Vm() override;

  // A procedure of `vmm: bare`; "0" or the name of the errno.
  std::string call(std::string_view procedure, std::span<const std::uint64_t> arguments);
  Ran run(const Access& access);

  void write(machine::BackingId backing, std::uint64_t offset, const Bytes& bytes);
  Bytes read(machine::BackingId backing, std::uint64_t offset, std::uint64_t size);

  // Of the latest call of get_dirty_log, by word.
  const std::map<std::uint64_t, std::uint64_t>& bitmap() const { return bitmap_; }
  // What KVM_CHECK_EXTENSION(KVM_CAP_READONLY_MEM) answers for this VM.
  std::uint64_t readonly_mem() const;
  // Signals since this was asked last.
  std::uint64_t take_signals();

 private:
  void take(machine::Event event) override;
  void revive();
  bool done(const Access& access);

  std::unique_ptr<machine::Machine> machine_;
  machine::Narrator narrator_{this};
  std::vector<Exit> exits_;
  bool stopped_ = false;  // an OUT to the port that ends a program
  std::string answer_;
  std::map<std::uint64_t, std::uint64_t> bitmap_;
  std::uint64_t signals_ = 0;
};

inline constexpr machine::BackingId kRam = 0;
inline constexpr std::uint64_t kRamSize = 0x10000;
inline constexpr std::uint64_t kIdentityTables = 0x4000;  // CR3 of mode long64

}  // namespace nptsim::oracle::kvm

#endif  // NPTSIM_TESTS_ORACLE_KVM_MACHINE_H_
