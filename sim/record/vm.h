// A VM of KVM's default type and the calls on it. Each answers 0 or an errno.
#ifndef NPTSIM_SIM_RECORD_VM_H_
#define NPTSIM_SIM_RECORD_VM_H_

#include <cstdint>
#include <map>
#include <vector>

#include "sim/record/fd.h"
#include "sim/record/host.h"

namespace nptsim::record {

enum class Irqchip : unsigned char { kFull, kSplit, kNone };

// The argument of KVM_SET_USER_MEMORY_REGION2.
struct SlotCall {
  std::uint32_t id = 0;
  std::uint32_t flags = 0;
  std::uint64_t gpa = 0;
  std::uint64_t size = 0;
  std::uint64_t address = 0;  // of user space
  int guest_memfd = 0;
  std::uint64_t guest_memfd_offset = 0;
};

// An eventfd that a write of the guest signals.
struct Ioeventfd {
  std::uint64_t gpa = 0;
  std::uint32_t length = 0;
  Fd event;
};

class Vm {
 public:
  int create(const Host& host, Irqchip irqchip);
  // The interval timer beside the interrupt controllers in the kernel.
  int create_pit(bool speaker);
  int fd() const { return fd_.get(); }

  int set_slot(const SlotCall& call);
  // The bits of all pages, 64 in a word.
  int get_dirty_log(std::uint32_t id, std::vector<std::uint64_t>& bitmap);
  int add_ioeventfd(std::uint64_t gpa, std::uint32_t length);
  int add_coalesced(std::uint64_t gpa, std::uint32_t size);
  // A guest_memfd of this size; the descriptor stays open as long as the VM.
  int create_guest_memfd(std::uint64_t size, int& fd);

  const std::vector<Ioeventfd>& ioeventfds() const { return ioeventfds_; }

 private:
  Fd fd_;
  bool region2_ = false;
  std::map<std::uint32_t, std::uint64_t> pages_;  // of each slot that there is
  std::vector<Ioeventfd> ioeventfds_;
  std::vector<Fd> files_;
};

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_VM_H_
