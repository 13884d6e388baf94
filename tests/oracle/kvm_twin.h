// What the recorded steps themselves say of slots and host mappings: enough to tell, without asking
// the model, what nested paging would make of an access.
#ifndef NPTSIM_TESTS_ORACLE_KVM_TWIN_H_
#define NPTSIM_TESTS_ORACLE_KVM_TWIN_H_

#include <map>
#include <set>

#include "tests/oracle/kvm_access.h"

namespace nptsim::oracle::kvm {

struct TwinSlot {
  std::uint64_t gpa = 0, size = 0, offset = 0;
  std::string backing;
  bool readonly = false;
};

enum class HostAccess { kReadWrite, kRead, kNone };

struct Twin {
  std::map<std::uint64_t, TwinSlot> slots;
  std::map<std::string, std::map<std::uint64_t, HostAccess>> host;  // by page; else read and write
  std::map<std::uint64_t, std::set<std::uint64_t>> read_pages;      // of a slot, since it is there

  void set_slot(std::uint64_t id, const TwinSlot& slot);
  void protect(const std::string& backing, std::uint64_t offset, std::uint64_t size,
               HostAccess access);

  // The handler of a nested fault cannot get the host's page: the first page of the access that
  // faults is mapped by a slot, and its mapping forbids the access. A write to a read-only slot is
  // emulated before anybody looks at the mapping.
  bool host_forbids(const Access& access, const Step& step) const;
  // Marks what is read.
  void touch(const Access& access, const Step& step);
  // The recorder's emulator wrote what a nested fault would have kept away: from here on these
  // bytes of the recording say nothing.
  void taint(const Access& access, const Step& step);
  bool is_tainted(const std::string& backing, std::uint64_t offset) const;
  bool touches_tainted(const Access& access, const Step& step) const;

 private:
  const TwinSlot* slot_at(std::uint64_t gpa, std::uint64_t* id = nullptr) const;

  std::set<std::pair<std::string, std::uint64_t>> tainted_;  // bytes of backings
};

}  // namespace nptsim::oracle::kvm

#endif  // NPTSIM_TESTS_ORACLE_KVM_TWIN_H_
