// hw/nvram/nrf51_nvm.c: a ROM device that is in romd mode for ever, and the registers that say what
// may be done to it. FICR and UICR are not modelled.
#include <vector>

#include "models/vmm/qemu/define.h"

namespace nptsim::qemu {
namespace {

using machine::RegionKind;

// include/hw/nvram/nrf51_nvm.h.
constexpr std::uint64_t kConfigWen = 1, kConfigEen = 2, kConfigMask = 3;
constexpr std::uint64_t kReady = 1, kErase = 1;
constexpr std::uint64_t kNvmPage = 0x400;  // NRF51_PAGE_SIZE, include/hw/arm/nrf51.h

struct Register {
  std::uint64_t offset;
  const char* name;
};
constexpr Register kRegisters[] = {
    {0x400, "ready"},      {0x504, "config"},    {0x508, "erase-page"},
    {0x510, "erase-page"}, {0x50c, "erase-all"}, {0x514, "erase-uicr"},
};
const std::vector<std::string> kRegisterWords = {"ready",     "config",     "erase-page",
                                                 "erase-all", "erase-uicr", "other"};

std::uint64_t offset_of(const View& view) { return thread_record(view).get(thread::kOffset); }

// The array behind the registers, or the array itself.
std::uint64_t nvm_index(const View& view) {
  const machine::Region& region = region_setup(view);
  return region.kind == RegionKind::kNvmc ? region.of : region_index(view);
}
const machine::Region& nvm_setup(const View& view) { return view.setup().regions[nvm_index(view)]; }
std::uint64_t config_of(const View& view) {
  return kRegions.at(view.store(), nvm_index(view)).get(region::kNvmConfig);
}

bool at_nvm(const View& view) {
  if (!has_region(view)) return false;
  const RegionKind kind = region_setup(view).kind;
  return kind == RegionKind::kNvm || kind == RegionKind::kNvmc;
}

unsigned write_enabled(const View& view) { return at_nvm(view) && (config_of(view) & kConfigWen); }
unsigned erase_enabled(const View& view) {
  return at_nvm(view) && (config_of(view) & kConfigEen) != 0;
}
unsigned nvmc_register(const View& view) {
  const auto other = static_cast<unsigned>(kRegisterWords.size() - 1);
  if (!has_region(view)) return other;
  for (const Register& one : kRegisters) {
    if (one.offset != offset_of(view)) continue;
    for (unsigned word = 0; word < other; ++word) {
      if (kRegisterWords[word] == one.name) return word;
    }
  }
  return other;
}
unsigned nvmc_value(const View& view) { return piece_value(view) == kErase; }
// valid.min_access_size and valid.max_access_size of the array.
unsigned piece_size(const View& view) { return thread_record(view).get(thread::kPieceSize) == 4; }

// NOR flash: bits go from 1 to 0 only.
ActionResult nvm_program(View& view, const Args&) {
  std::uint32_t value = 0;
  const machine::Region& array = nvm_setup(view);
  if (!load_mapping(view, array, offset_of(view), &value, sizeof value)) {
    return ActionResult::done();
  }
  value &= static_cast<std::uint32_t>(piece_value(view));
  store_mapping(view, array, offset_of(view), &value, sizeof value);
  return ActionResult::done();
}

ActionResult nvm_erase_page(View& view, const Args&) {
  const machine::Region& array = nvm_setup(view);
  const std::uint64_t at = piece_value(view) & ~(kNvmPage - 1);
  if (at > array.size - kNvmPage) return ActionResult::done();
  const std::vector<std::uint8_t> erased(kNvmPage, 0xff);
  store_mapping(view, array, at, erased.data(), erased.size());
  return ActionResult::done();
}

ActionResult nvm_erase_all(View& view, const Args&) {
  const machine::Region& array = nvm_setup(view);
  const std::vector<std::uint8_t> erased(array.size, 0xff);
  store_mapping(view, array, 0, erased.data(), erased.size());
  return ActionResult::done();
}

ActionResult nvmc_set_config(View& view, const Args&) {
  const std::uint64_t value = piece_value(view) & kConfigMask;
  kRegions.at(view.store(), nvm_index(view)).set(region::kNvmConfig, value);
  return ActionResult::done();
}

ActionResult nvmc_read(View& view, const Args& args) {
  enum What : unsigned { kReadyRegister, kConfigRegister, kNothing };
  const unsigned what = args.word(0);
  set_piece_value(view, what == kReadyRegister    ? kReady
                        : what == kConfigRegister ? config_of(view)
                                                  : 0);
  return ActionResult::done();
}

ActionResult tell_device(View& view, const Args&) {
  if (view.narrator() != nullptr) view.say("device", device_fields(view));
  return ActionResult::done();
}

}  // namespace

void add_nvm_facts(rules::Vocabulary& v) {
  v.add(fact<write_enabled>("nvm.write_enabled", kNoYes, "CONFIG.WEN of the NVMC"));
  v.add(fact<erase_enabled>("nvm.erase_enabled", kNoYes, "CONFIG.EEN of the NVMC"));
  v.add(fact<nvmc_register>("nvmc.register", kRegisterWords, "which register of the NVMC"));
  v.add(fact<nvmc_value>("nvmc.erase_value", kNoYes, "what is written is NRF51_NVMC_ERASE"));
  v.add(fact<piece_size>("piece_size", {"other", "four"}, "bytes of the piece"));
}

void add_nvm_actions(rules::Vocabulary& v) {
  v.add(action<nvm_program>("nvm_program", {}, "4 bytes of the array",
                            "old value AND the one written: bits go from 1 to 0 only"));
  v.add(action<nvm_erase_page>("nvm_erase_page", {}, "a page of the array",
                               "the page of 1 KiB that the value names becomes 0xFF"));
  v.add(action<nvm_erase_all>("nvm_erase_all", {}, "the array", "all of it becomes 0xFF"));
  v.add(action<nvmc_set_config>("nvmc_set_config", {}, "the NVMC's CONFIG", "bits 1:0"));
  v.add(action<nvmc_read>("nvmc_read", {word_arg("give", {"ready", "config", "zero"})},
                          "the access's data", "a register of the NVMC"));
  v.add(action<tell_device>("tell_device", {}, "nothing", "the event `device`"));
}

}  // namespace nptsim::qemu
