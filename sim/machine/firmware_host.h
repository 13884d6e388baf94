// The host and the AMD-SP: a command through its mailbox, told as an event of the firmware's layer.
#ifndef NPTSIM_SIM_MACHINE_FIRMWARE_HOST_H_
#define NPTSIM_SIM_MACHINE_FIRMWARE_HOST_H_

#include "sim/arch/svm/snp_firmware.h"
#include "sim/machine/view.h"

namespace nptsim::machine {

// On a host with SNP.
svm::FirmwareResult host_firmware(View& view, const svm::FirmwareRequest& request);

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_FIRMWARE_HOST_H_
