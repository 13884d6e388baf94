// What stands before the payload of a line of a trace: whose it is, and which event.
//
//     CPU 0/KVM-1234    [001] d..1.   12.345678: kvm_exit: ...       trace-cmd report, .../trace
//     qemu-77 (     70) [003] 1234567890: kvm_exit: ...              thread group; another clock
//     CPU 0/K-1234      1d..1   12us+: kvm_exit: ...                 the latency format
//     CPU 0/KVM  1234/1240 [001] 12.345678:  kvm:kvm_exit: ...       perf script
#ifndef NPTSIM_SIM_TRACE_TRACE_HEADER_H_
#define NPTSIM_SIM_TRACE_TRACE_HEADER_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace nptsim::trace {

struct TraceHeader {
  std::uint32_t pid = 0;         // of the thread
  std::optional<unsigned> vcpu;  // of a thread called "CPU 3/KVM"
  std::string_view event;        // without its system
  std::string_view payload;
};

// None: the line is no trace's. What a thread is called may hold anything.
std::optional<TraceHeader> read_trace_header(std::string_view line);

// Digits off the front; false if there are none or too many.
bool take_digits(std::string_view& text, std::uint32_t& number);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_TRACE_HEADER_H_
