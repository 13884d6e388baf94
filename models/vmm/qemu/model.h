// QEMU: the facts and actions that the rows under rows/ name, and its own state.
#ifndef NPTSIM_MODELS_VMM_QEMU_MODEL_H_
#define NPTSIM_MODELS_VMM_QEMU_MODEL_H_

#include <string_view>

#include "sim/base/store.h"
#include "sim/machine/setup.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::qemu {

const rules::Vocabulary& vocabulary();

// QEMU before `start` runs: no slots, flash chips as after their reset. What lies in the regions
// (images, RAM) is written by whoever builds the machine, in plaintext.
void prepare(Store& store, const machine::Setup& setup);

// Procedures that others enter.
inline constexpr std::string_view kEntryStart = "start";         // Entries::vmm_start
inline constexpr std::string_view kExitUserspace = "userspace";  // the kernel's `exit: userspace`
// What a scenario's script may ask for. The first local is the region's index.
inline constexpr std::string_view kScriptRomdOn = "script_romd_on";    // flash.mode romd-on
inline constexpr std::string_view kScriptRomdOff = "script_romd_off";  // flash.mode romd-off

}  // namespace nptsim::qemu

#endif  // NPTSIM_MODELS_VMM_QEMU_MODEL_H_
