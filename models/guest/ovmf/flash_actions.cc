// The probe of OVMF's flash driver: edk2 OvmfPkg/QemuFlashFvbServicesRuntimeDxe/QemuFlash.c
// QemuFlashDetected. Each byte read is in RAX when these look at it.
#include "models/guest/ovmf/model.h"
#include "models/guest/ovmf/parts.h"

namespace nptsim::ovmf {
namespace {

using guest::GuestView;
using guest::local_arg;
using guest::value_arg;
using rules::ActionResult;
using rules::Args;

constexpr std::uint64_t kBlockSize = 0x1000;  // PcdOvmfFirmwareBlockSize
constexpr std::uint8_t kClearStatus = 0x50, kReadStatus = 0x70, kClearedArray = 0x00;
constexpr unsigned kProgramError = 4;  // bit 0x10 of the status register

enum Probe : unsigned { kSearch, kFound, kNoPlace };

std::uint8_t byte_read(const GuestView& view) {
  return static_cast<std::uint8_t>(view.registers().gpr[isa::kRax]);
}

// probe_start: address, last
ActionResult probe_start(GuestView&, const Args& args) {
  args.set(1, args.get(0) + kBlockSize - 1);
  return ActionResult::done().give(0, kSearch);
}

// probe_look: address, last. A byte that is no command can tell RAM, ROM and flash apart.
ActionResult probe_look(GuestView& view, const Args& args) {
  const std::uint8_t byte = byte_read(view);
  if (byte != kClearStatus && byte != kReadStatus && byte != kClearedArray) {
    return ActionResult::done().give(0, kFound);
  }
  if (args.get(0) == args.get(1)) return ActionResult::done().give(0, kNoPlace);
  args.set(0, args.get(0) + 1);
  return ActionResult::done().give(0, kSearch);
}

// probe_keep: original
ActionResult probe_keep(GuestView& view, const Args& args) {
  args.set(0, byte_read(view));
  return ActionResult::done();
}

// probe_compare: original. The original is none of the three commands.
ActionResult probe_compare(GuestView& view, const Args& args) {
  const std::uint8_t byte = byte_read(view);
  const std::uint8_t meanings[] = {static_cast<std::uint8_t>(args.get(0)), kClearStatus,
                                   kReadStatus, kClearedArray};
  for (unsigned i = 0; i < std::size(meanings); ++i) {
    if (meanings[i] == byte) return ActionResult::done().give(0, i);
  }
  return ActionResult::done().give(0, std::size(meanings));
}

ActionResult probe_status(GuestView& view, const Args&) {
  return ActionResult::done().give(0, has_bit(byte_read(view), kProgramError));
}

rules::Vocabulary make_vocabulary() {
  rules::Vocabulary v;
  guest::add_shared(v);
  add_handler_actions(v);
  add_flash_actions(v);
  add_reset_actions(v);
  add_string_actions(v);
  return v;
}

}  // namespace

void add_flash_actions(rules::Vocabulary& v) {
  v.add(guest::given("probe", {"search", "found", "no-place"},
                     "whether a byte was found that is no flash command"));
  v.add(guest::given("read_back", {"original", "clear-status", "read-status", "cleared", "other"},
                     "what the probed byte reads as"));
  v.add(guest::given("write_protected", {"no", "yes"}, "the program error bit of the status"));
  v.add(guest::action<probe_start>("probe_start", {value_arg("address"), local_arg("last")},
                                   {"probe"}, "a local", "the end of the block"));
  v.add(guest::action<probe_look>("probe_look", {local_arg("address"), value_arg("last")},
                                  {"probe"}, "a local", "looks at the byte in AL, or goes on"));
  v.add(guest::action<probe_keep>("probe_keep", {local_arg("original")}, {}, "a local",
                                  "keeps the byte in AL"));
  v.add(guest::action<probe_compare>("probe_compare", {value_arg("original")}, {"read_back"},
                                     "nothing", "compares AL with the original and commands"));
  v.add(guest::action<probe_status>("probe_status", {}, {"write_protected"}, "nothing",
                                    "looks at bit 0x10 of AL"));
}

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary kVocabulary = make_vocabulary();
  return kVocabulary;
}

}  // namespace nptsim::ovmf
