#include "sim/arch/svm/guest_port.h"

#include <cstring>

namespace nptsim::svm {

using isa::PortStatus;

void GuestPort::tell_hit(const Tlb::Entry& e, GuestVirtAddr gva, Access access) {
  listener_->on_translated({access, gva, e.gpa(gva), e.spa(gva), e.key(access, context_.c_rules),
                            e.shift(), e.is_private(access, context_.c_rules), true},
                           RuleId::kTlbHit);
}

bool GuestPort::walk(GuestVirtAddr gva, Access access, Target& target) {
  Translation t;
  const bool good =
      listener_
          ? translate(context_, memory_, gva, access, ListeningObserver{listener_}, t, failure_)
          : translate(context_, memory_, gva, access, NullObserver{}, t, failure_);
  if (!good) return false;
  target = {t.spa, t.key};
  if (tlb_.enabled()) tlb_.fill(gva, t);
  return true;
}

// Both pages are translated before any byte moves, the lower one first.
inline bool GuestPort::translate_parts(GuestVirtAddr gva, unsigned size, Access access,
                                       Parts& parts) {
  parts.first_size = static_cast<unsigned>(bytes_in_page(gva.value, size));
  parts.second_size = size - parts.first_size;
  if (!translate_one(gva, access, parts.first)) return false;
  if (parts.second_size == 0) [[likely]]
    return true;
  return translate_one(gva + parts.first_size, access, parts.second);
}

void GuestPort::read(const Parts& parts, void* data) const {
  memory_.read_bytes(parts.first.spa, data, parts.first_size, parts.first.key);
  if (parts.second_size == 0) return;
  memory_.read_bytes(parts.second.spa, static_cast<char*>(data) + parts.first_size,
                     parts.second_size, parts.second.key);
}

PortStatus GuestPort::load(GuestVirtAddr address, void* data, unsigned size,
                           isa::Privilege privilege) {
  Parts parts;
  if (!translate_parts(address, size, access_of(AccessKind::kRead, privilege), parts)) {
    return PortStatus::kStopped;
  }
  read(parts, data);
  return PortStatus::kOk;
}

PortStatus GuestPort::load_for_update(GuestVirtAddr address, void* data, unsigned size, bool,
                                      isa::Privilege privilege) {
  Parts parts;
  if (!translate_parts(address, size, access_of(AccessKind::kWrite, privilege), parts)) {
    return PortStatus::kStopped;
  }
  read(parts, data);
  return PortStatus::kOk;
}

PortStatus GuestPort::store(GuestVirtAddr address, const void* data, unsigned size,
                            isa::Privilege privilege) {
  Parts parts;
  if (!translate_parts(address, size, access_of(AccessKind::kWrite, privilege), parts)) {
    return PortStatus::kStopped;
  }
  memory_.write_bytes(parts.first.spa, data, parts.first_size, parts.first.key);
  if (parts.second_size != 0) {
    memory_.write_bytes(parts.second.spa, static_cast<const char*>(data) + parts.first_size,
                        parts.second_size, parts.second.key);
  }
  return PortStatus::kOk;
}

PortStatus GuestPort::prepare_store(GuestVirtAddr address, unsigned size,
                                    isa::Privilege privilege) {
  Parts parts;
  const Access access = access_of(AccessKind::kWrite, privilege);
  return translate_parts(address, size, access, parts) ? PortStatus::kOk : PortStatus::kStopped;
}

bool GuestPort::fetch(GuestVirtAddr address, void* data, unsigned size) {
  Target at;
  const Access access = access_of(AccessKind::kFetch, isa::Privilege::kCurrent);
  if (!translate_one(address, access, at)) return false;
  memory_.read_bytes(at.spa, data, size, at.key);
  return true;
}

}  // namespace nptsim::svm
