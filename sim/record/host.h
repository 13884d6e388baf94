// The machine that records: its kernel, its processor, what its KVM offers.
#ifndef NPTSIM_SIM_RECORD_HOST_H_
#define NPTSIM_SIM_RECORD_HOST_H_

#include <string>
#include <utility>
#include <vector>

#include "sim/base/result.h"
#include "sim/record/fd.h"

namespace nptsim::record {

// How this KVM runs a guest, which decides what its answers tell of nested paging.
enum class Paging : unsigned char {
  kNested,  // AMD's nested paging or Intel's EPT
  kShadow,  // hardware virtualization, but KVM's own page tables
  kNone,    // no hardware virtualization: KVM executes the guest in another way
};
std::string_view name_of(Paging paging);

struct HostFacts {
  std::string kernel;  // uname
  std::string cpu;     // brand string, family, model, stepping
  unsigned maxphyaddr = 0;
  bool is_guest = false;  // of a hypervisor itself
  Paging paging = Paging::kNone;
  std::string module;  // kvm_amd, kvm_intel or another; empty: not known
  int api = 0;         // KVM_GET_API_VERSION
  unsigned vm_types = 1;
  bool guest_1g_pages = true;                     // guests may have pages of 1 GByte
  std::vector<std::pair<std::string, int>> caps;  // KVM_CHECK_EXTENSION, in a fixed order
};

class Host {
 public:
  // The error is a sentence: there is no KVM here, or it may not be used.
  static Result<Host, std::string> open(const std::string& device = "/dev/kvm");

  int fd() const { return fd_.get(); }
  const HostFacts& facts() const { return facts_; }
  int cap(int number) const;

 private:
  Fd fd_;
  HostFacts facts_;
};

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_HOST_H_
