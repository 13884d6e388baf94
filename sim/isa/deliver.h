// Delivery of interrupts and exceptions through the IDT or the real-mode vector table.
#ifndef NPTSIM_SIM_ISA_DELIVER_H_
#define NPTSIM_SIM_ISA_DELIVER_H_

#include "sim/isa/memory_port.h"
#include "sim/isa/outcome.h"
#include "sim/isa/registers.h"

namespace nptsim::isa {

// Numbered as the TYPE field of EVENTINJ and EXITINTINFO (APM vol. 2, 15.20).
enum class EventType : u8 { kExternal = 0, kNmi = 2, kException = 3, kSoftware = 4 };

struct Event {
  u8 vector = 0;
  EventType type = EventType::kException;
  bool has_error_code = false;
  u32 error_code = 0;

  bool operator==(const Event&) const = default;
};

// Which vectors push an error code (APM vol. 2, table 8-1): 8, 10-14, 17, 21, 29, 30.
bool pushes_error_code(u8 vector);

// The exception of an Outcome as an event.
Event event_of(const Outcome& exception);

// Delivers `event`; the saved rIP is registers.rip, so a software interrupt must have moved it past
// the instruction already. kRetired: the handler's first instruction is next. kException: the fault
// met on the way, its selector error code complete (IDT and EXT bits, APM vol. 2, 8.4.1); combine()
// says what to deliver then. kStopped: the port stopped an access to IDT, GDT, TSS or stack.
// Nothing has changed unless kRetired.
Outcome deliver_event(const Event& event, Registers& registers, MemoryPort& port);

// APM vol. 2, 8.2.9: classes for the double-fault rule. #VC counts as contributory (15.35.5).
enum class EventClass : u8 { kBenign, kContributory, kPageFault, kDoubleFault };
EventClass class_of(const Event& event);

enum class Combined : u8 {
  kSerial,       // deliver the second one, then its handler returns to the first
  kDoubleFault,  // deliver #DF(0) instead
  kShutdown,     // triple fault
};
// `first` was being delivered when `second` occurred.
Combined combine(const Event& first, const Event& second);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_DELIVER_H_
