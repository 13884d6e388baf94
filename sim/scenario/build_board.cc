// `machine.board`: a PC's machine type. What it brings along, and what it decides.
#include <algorithm>
#include <string_view>

#include "sim/scenario/build_parts.h"
#include "sim/yaml/number.h"

namespace nptsim::scenario::building {
namespace {

constexpr std::uint64_t k1M = 1ull << 20, k4G = 1ull << 32, kMostWindow = 128 << 10;

// "9.1" is 901; nothing for what is no version.
std::optional<unsigned> version_of(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = yaml::parse_number(std::string(text.substr(0, dot)));
  const auto minor = yaml::parse_number(std::string(text.substr(dot + 1)));
  if (!major.ok() || !minor.ok() || minor.value() >= 100) return std::nullopt;
  return static_cast<unsigned>(major.value() * 100 + minor.value());
}

// A machine type as QEMU spells it: q35 and pc are the newest of the QEMU that runs.
std::optional<machine::Board> board_of(const std::string& name) {
  machine::Board board;
  board.pc = true;
  if (name == "q35" || name == "pc") return board;
  for (const std::string_view prefix : {"pc-q35-", "pc-i440fx-"}) {
    if (!name.starts_with(prefix)) continue;
    const auto version = version_of(std::string_view(name).substr(prefix.size()));
    if (!version) return std::nullopt;
    board.version = *version;
    return board;
  }
  return std::nullopt;
}

const Region* firmware_of(const Vm& vm) {
  for (const Region& region : vm.memory) {
    if (region.gpa.value + region.size == k4G && has_memory(region.device)) return &region;
  }
  return nullptr;
}

// QEMU hw/i386/pc_sysfw.c pc_system_flash_map: two chips, the second directly below the first. That
// the first is missing is for QEMU to say.
void check_flash(Plan& plan) {
  std::uint64_t lowest = k4G;
  unsigned chips = 0;
  const auto& memory = plan.vm.memory;
  for (auto region = memory.rbegin(); region != memory.rend(); ++region) {
    if (region->device != Device::kPflash) continue;
    const bool next = region->gpa.value + region->size == lowest;
    if (next) lowest = region->gpa.value;
    chips += next || chips != 0;
    if (chips > 2 || (chips != 0 && !next)) {
      plan.report(region->name.pos, "'" + region->name.value + "' is no flash chip of a PC",
                  "at most two: one that ends at 4 GiB, and one directly below it");
      return;
    }
  }
}

}  // namespace

// QEMU hw/i386/x86-common.c x86_isa_bios_init: the end of the firmware once more, below 1 MiB.
void add_board_regions(Vm& vm, Diagnostics& diagnostics) {
  const Region* firmware = firmware_of(vm);
  if (vm.machine.board.value.empty() || firmware == nullptr) return;
  Region window;
  window.name = {"isa-bios", vm.machine.board.pos};
  window.device = Device::kIsaBios;
  window.size = std::min(firmware->size, kMostWindow);
  window.gpa = GuestPhysAddr(k1M - window.size);
  auto at = vm.memory.begin();
  for (; at != vm.memory.end() && at->gpa.value < k1M; ++at) {
    if (at->device == Device::kIsaBios) return;
    if (at->gpa.value + at->size <= window.gpa.value) continue;
    diagnostics.push_back({at->name.pos,
                           "region '" + at->name.value +
                               "' lies where the board shows the end of "
                               "its firmware, " +
                               hex(window.gpa.value),
                           "memory that ends there, and other memory from 1M on", ""});
    return;
  }
  vm.memory.insert(at, std::move(window));
}

void choose_board(Plan& plan) {
  const Text& said = plan.vm.machine.board;
  if (said.value.empty()) return;
  const auto board = board_of(said.value);
  if (!board) {
    return plan.report(said.pos, "there is no board '" + said.value + "'",
                       "a PC of QEMU's: q35, pc, or one with a version like pc-q35-9.1");
  }
  const std::string& vmm = plan.stack->vmm.name;
  constexpr std::string_view kQemu = "qemu-";
  if (!vmm.starts_with(kQemu)) {
    return plan.report(said.pos, "machine.board, but the VMM '" + vmm + "' has no boards",
                       "machine.vmm: qemu");
  }
  const auto version = version_of(std::string_view(vmm).substr(kQemu.size()));
  if (version && board->version > *version) {
    return plan.report(said.pos, "'" + said.value + "' is newer than " + vmm,
                       "a machine type that this QEMU knows");
  }
  check_flash(plan);
  plan.setup.board = *board;
}

}  // namespace nptsim::scenario::building
