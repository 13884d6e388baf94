#include "models/families.h"

#include "models/guest/linux/model.h"
#include "models/guest/ovmf/model.h"
#include "models/guest/svsm/model.h"
#include "models/kernel/given/model.h"
#include "models/kernel/kvm/model.h"
#include "models/vmm/bare/model.h"
#include "models/vmm/qemu/model.h"

namespace nptsim::models {
namespace {

using rules::ModelKind;

constexpr Family kFamilies[] = {
    {ModelKind::kKernel, "kvm", kvm::vocabulary, kvm::prepare},
    {ModelKind::kKernel, "given", given::vocabulary, nullptr},
    {ModelKind::kVmm, "qemu", qemu::vocabulary, qemu::prepare},
    {ModelKind::kVmm, "bare", bare::vocabulary, bare::prepare},
    {ModelKind::kGuest, "ovmf", ovmf::vocabulary, nullptr},
    {ModelKind::kGuest, "linux", linux_guest::vocabulary, nullptr},
    {ModelKind::kGuest, "svsm", svsm::vocabulary, nullptr},
};

}  // namespace

const Family* family_of(rules::ModelKind kind, std::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.kind == kind && family.name == name) return &family;
  }
  return nullptr;
}

}  // namespace nptsim::models
