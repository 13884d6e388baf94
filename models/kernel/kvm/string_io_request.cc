// INS and OUTS of a guest that keeps its registers to itself: a VMGEXIT whose elements lie in the
// scratch area. Linux arch/x86/kvm/svm/sev.c sev_es_string_io; x86.c kvm_sev_es_string_io.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/guest_memory.h"
#include "models/kernel/kvm/pio_bus.h"
#include "models/kernel/kvm/vmgexit.h"

namespace nptsim::kvm {
namespace {

// SW_EXITINFO1 as SVM's EXITINFO1 (APM vol. 2, 15.10.2).
constexpr unsigned kSizeTop = 6, kSizeBottom = 4, kPortTop = 31, kPortBottom = 16;

std::uint64_t element_size(const View& view) {
  return get_bits(vcpu_of(view).get(vcpu::kExitInfo1), kSizeTop, kSizeBottom);
}
bool is_ins(const View& view) { return has_bit(vcpu_of(view).get(vcpu::kExitInfo1), 0); }

// Both the count and the bytes have to be an int.
enum StringLength : unsigned { kTooManyBytes, kNoSize, kNoElement, kSomeElements };
unsigned string_length(const View& view) {
  constexpr std::uint64_t kIntMax = std::numeric_limits<std::int32_t>::max();
  const std::uint64_t count = vcpu_of(view).get(vcpu::kExitInfo2), size = element_size(view);
  if (count > kIntMax || count * size > kIntMax) return kTooManyBytes;
  if (size == 0) return kNoSize;
  return count == 0 ? kNoElement : kSomeElements;
}

unsigned string_left(const View& view) { return vcpu_of(view).get(vcpu::kStringLeft) != 0; }

GuestPhysAddr next_element(const View& view) {
  const ConstRecord vcpu = vcpu_of(view);
  return GuestPhysAddr(vcpu.get(vcpu::kScratch)) + vcpu.get(vcpu::kStringDone);
}

// emulator_pio_in_out: the kernel's own devices take one element after the other.
bool by_kernel(View& view) {
  const ConstRecord vcpu = vcpu_of(std::as_const(view));
  const PortAccess access{get_bits(vcpu.get(vcpu::kExitInfo1), kPortTop, kPortBottom),
                          element_size(view)};
  std::uint64_t data = 0;
  const auto size = static_cast<unsigned>(std::min<std::uint64_t>(access.size, sizeof data));
  read_guest(view, next_element(view), &data, size);
  if (!is_ins(view)) return write_port(view, access, data);
  if (read_port(view, access, data) == DeviceAnswer::kNotMine) return false;
  write_guest(view, next_element(view), &data, size);
  return true;
}

ActionResult ghcb_string_begin(View& view, const Args&) {
  const Record vcpu = vcpu_of(view);
  vcpu.set(vcpu::kStringLeft, vcpu.get(vcpu::kExitInfo2));
  vcpu.set(vcpu::kStringDone, 0);
  while (vcpu.get(vcpu::kStringLeft) != 0 && by_kernel(view)) {
    vcpu.set(vcpu::kStringDone, vcpu.get(vcpu::kStringDone) + element_size(view));
    vcpu.set(vcpu::kStringLeft, vcpu.get(vcpu::kStringLeft) - 1);
  }
  return ActionResult::done();
}

// kvm_sev_es_ins, kvm_sev_es_outs: as many elements as the page for them has room for.
ActionResult ghcb_string_piece(View& view, const Args&) {
  const ConstRecord vcpu = vcpu_of(std::as_const(view));
  IoRequest request{.port = get_bits(vcpu.get(vcpu::kExitInfo1), kPortTop, kPortBottom)};
  request.size = element_size(view);
  request.out = !is_ins(view);
  request.count = std::min(kPageSize / request.size, vcpu.get(vcpu::kStringLeft));
  if (request.out) {
    const auto bytes = std::min<std::uint64_t>(request.count * request.size, sizeof request.data);
    read_guest(view, next_element(view), &request.data, static_cast<unsigned>(bytes));
  }
  request_io(view, request);
  return ActionResult::done();
}

// advance_sev_es_emulated_pio; complete_emulator_pio_in for what user space has read.
ActionResult ghcb_string_complete(View& view, const Args&) {
  namespace run = kvm_uapi::run;
  const Record vcpu = vcpu_of(view);
  const ConstRecord answer = run_of(std::as_const(view));
  const std::uint64_t count = answer.get(run::kIoCount), size = answer.get(run::kIoSize);
  if (is_ins(view)) {
    const std::uint64_t data = answer.get(run::kIoData);
    std::array<std::uint8_t, kPageSize> bytes;
    for (std::uint64_t i = 0; i < count * size; ++i) {
      bytes[i] = static_cast<std::uint8_t>(data >> (8 * (i % size)));
    }
    write_guest(view, next_element(view), bytes.data(), static_cast<unsigned>(count * size));
  }
  vcpu.set(vcpu::kStringDone, vcpu.get(vcpu::kStringDone) + count * size);
  vcpu.set(vcpu::kStringLeft, vcpu.get(vcpu::kStringLeft) - count);
  return ActionResult::done();
}

}  // namespace

std::uint64_t string_bytes(const View& view) {
  return vcpu_of(view).get(vcpu::kExitInfo2) * element_size(view);
}

void add_string_io_request(rules::Vocabulary& v) {
  v.add(fact<string_length>("ghcb_string", {"too-many", "no-size", "nothing", "some"},
                            "count and element size of a string I/O request: its bytes are no int, "
                            "the size is 0, the count is 0, or elements are to do"));
  v.add(fact<string_left>("ghcb_string_left", kNoYes, "elements of the request are still to do"));
  v.add(action<ghcb_string_begin>("ghcb_string_begin", {}, "the request, the scratch area",
                                  "what the kernel's own devices do is done at once"));
  v.add(action<ghcb_string_piece>("ghcb_string_piece", {}, "kvm_run",
                                  "KVM_EXIT_IO for the next elements, a page of them at most"));
  v.add(action<ghcb_string_complete>("ghcb_string_complete", {}, "the scratch area, the request",
                                     "takes what user space read, and goes on"));
}

}  // namespace nptsim::kvm
