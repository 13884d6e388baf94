// KVM_MMIO_BUS, as far as it holds ioeventfds.
#include "models/kernel/kvm/mmio_bus.h"

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"

namespace nptsim::kvm {
namespace {

namespace request = kvm_uapi::ioeventfd;
using machine::Hex;

ConstRecord request_of(const View& view) { return kvm_uapi::kIoeventfdRequest.at(view.store(), 0); }

unsigned shape(const View& view) {
  const std::uint64_t address = request_of(view).get(request::kAddress);
  const std::uint64_t length = request_of(view).get(request::kLength);
  const bool known = length == 0 || length == 1 || length == 2 || length == 4 || length == 8;
  return known && address + length >= address;
}

// They are never taken away, so the used records are the first ones.
template <class Fits>
bool any(const Store& store, Fits&& fits) {
  for (std::uint64_t i = 0; i < kMaxIoeventfds; ++i) {
    const ConstRecord one = kIoeventfds.at(store, i);
    if (!one.get(ioeventfd::kUsed)) return false;
    if (fits(one)) return true;
  }
  return false;
}

// Of any value: the model's ioeventfds have no datamatch, so equal lengths collide, and one of any
// length collides with all.
unsigned collides(const View& view) {
  const std::uint64_t address = request_of(view).get(request::kAddress);
  const std::uint64_t length = request_of(view).get(request::kLength);
  return any(view.store(), [&](const ConstRecord& one) {
    const std::uint64_t other = one.get(ioeventfd::kLength);
    return one.get(ioeventfd::kAddress) == address &&
           (other == length || other == 0 || length == 0);
  });
}

unsigned room(const View& view) {
  return !kIoeventfds.at(view.store(), kMaxIoeventfds - 1).get(ioeventfd::kUsed);
}

ActionResult assign_ioeventfd(View& view, const Args&) {
  for (std::uint64_t i = 0; i < kMaxIoeventfds; ++i) {
    const Record one = kIoeventfds.at(view.store(), i);
    if (one.get(ioeventfd::kUsed)) continue;
    one.set(ioeventfd::kUsed, 1);
    one.set(ioeventfd::kAddress, request_of(view).get(request::kAddress));
    one.set(ioeventfd::kLength, request_of(view).get(request::kLength));
    break;
  }
  return ActionResult::done();
}

}  // namespace

bool write_mmio_bus(machine::View& view, GuestPhysAddr gpa, unsigned length) {
  const bool taken = any(std::as_const(view).store(), [&](const ConstRecord& one) {
    const std::uint64_t own = one.get(ioeventfd::kLength);
    return one.get(ioeventfd::kAddress) == gpa.value && (own == 0 || own == length);
  });
  if (taken) view.say("ioeventfd", {{"gpa", Hex{gpa.value}}, {"len", std::uint64_t{length}}});
  return taken;
}

void add_mmio_bus(rules::Vocabulary& v) {
  v.add(fact<shape>("ioeventfd.shape", {"bad", "ok"}, "its length, and no wrap"));
  v.add(fact<collides>("ioeventfd.collides", kNoYes, "another one is there already"));
  v.add(fact<room>("ioeventfd.room", kNoYes, "the bus has fewer than NR_IOBUS_DEVS devices"));
  v.add(action<assign_ioeventfd>("assign_ioeventfd", {}, "KVM_MMIO_BUS",
                                 "the address signals an eventfd from now on"));
}

}  // namespace nptsim::kvm
