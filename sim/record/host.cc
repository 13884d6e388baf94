#include "sim/record/host.h"

#include <cpuid.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "sim/base/bits.h"
#include "sim/record/kvm_api.h"

namespace nptsim::record {
namespace {

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf cpuid(unsigned function) {
  Leaf leaf;
  __get_cpuid(function, &leaf.eax, &leaf.ebx, &leaf.ecx, &leaf.edx);
  return leaf;
}

// CPUID 8000_0002 to 8000_0004, without the blanks around it.
std::string brand() {
  std::string text;
  for (unsigned function = 0x80000002; function <= 0x80000004; ++function) {
    const Leaf leaf = cpuid(function);
    char part[16];
    std::memcpy(part, &leaf, sizeof part);
    text.append(part, strnlen(part, sizeof part));
  }
  const std::size_t first = text.find_first_not_of(' ');
  const std::size_t last = text.find_last_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

// Family, model and stepping: APM vol. 3, appendix E.3.2 (CPUID 0000_0001 EAX).
std::string cpu_text() {
  const unsigned eax = cpuid(1).eax;
  unsigned family = static_cast<unsigned>(get_bits(eax, 11, 8));
  unsigned model = static_cast<unsigned>(get_bits(eax, 7, 4));
  if (family == 15) {
    family += static_cast<unsigned>(get_bits(eax, 27, 20));
    model |= static_cast<unsigned>(get_bits(eax, 19, 16)) << 4;
  }
  return fmt::format("{}, family 0x{:x} model 0x{:x} stepping {}", brand(), family, model,
                     get_bits(eax, 3, 0));
}

std::string module_name() {
  for (const char* name : {"kvm_amd", "kvm_intel", "kvm_pvm"}) {
    if (access((std::string("/sys/module/") + name).c_str(), F_OK) == 0) return name;
  }
  return "";
}

bool parameter_is_on(const std::string& module, const std::string& name) {
  std::ifstream file("/sys/module/" + module + "/parameters/" + name);
  char value = 0;
  return file.get(value) && (value == 'Y' || value == '1');
}

// SVM: CPUID 8000_0001 ECX bit 2; VMX: CPUID 1 ECX bit 5. Whether KVM uses what it found is a
// parameter of its module (Linux arch/x86/kvm/svm/svm.c npt_enabled, vmx/vmx.c enable_ept).
Paging paging_of(const std::string& module) {
  const bool svm = has_bit(cpuid(0x80000001).ecx, 2), vmx = has_bit(cpuid(1).ecx, 5);
  if (module == "kvm_amd" && svm) {
    return parameter_is_on(module, "npt") ? Paging::kNested : Paging::kShadow;
  }
  if (module == "kvm_intel" && vmx) {
    return parameter_is_on(module, "ept") ? Paging::kNested : Paging::kShadow;
  }
  return Paging::kNone;
}

struct Capability {
  const char* name;
  int number;
};
// What decides how the calls of a scenario's script are answered.
constexpr Capability kCapabilities[] = {
    {"KVM_CAP_READONLY_MEM", KVM_CAP_READONLY_MEM},
    {"KVM_CAP_NR_MEMSLOTS", KVM_CAP_NR_MEMSLOTS},
    {"KVM_CAP_MULTI_ADDRESS_SPACE", KVM_CAP_MULTI_ADDRESS_SPACE},
    {"KVM_CAP_SYNC_MMU", KVM_CAP_SYNC_MMU},
    {"KVM_CAP_X86_SMM", KVM_CAP_X86_SMM},
    {"KVM_CAP_IRQCHIP", KVM_CAP_IRQCHIP},
    {"KVM_CAP_SPLIT_IRQCHIP", KVM_CAP_SPLIT_IRQCHIP},
    {"KVM_CAP_IOEVENTFD", KVM_CAP_IOEVENTFD},
    {"KVM_CAP_COALESCED_MMIO", KVM_CAP_COALESCED_MMIO},
    {"KVM_CAP_DISABLE_QUIRKS2", KVM_CAP_DISABLE_QUIRKS2},
    {"KVM_CAP_USER_MEMORY2", api::kCapUserMemory2},
    {"KVM_CAP_MEMORY_FAULT_INFO", api::kCapMemoryFaultInfo},
    {"KVM_CAP_MEMORY_ATTRIBUTES", api::kCapMemoryAttributes},
    {"KVM_CAP_GUEST_MEMFD", api::kCapGuestMemfd},
    {"KVM_CAP_VM_TYPES", api::kCapVmTypes},
    {"KVM_CAP_PRE_FAULT_MEMORY", api::kCapPreFaultMemory},
};

// CPUID 8000_0001 EDX bit 26 as this KVM gives it to guests: without nested paging it does not, and
// then the bit of such a page is reserved (Linux arch/x86/kvm/mmu/mmu.c
// reset_guest_rsvds_bits_mask).
bool gives_1g_pages(int kvm) {
  const auto list = std::make_unique<api::CpuidList>();
  if (ioctl(kvm, api::kGetSupportedCpuid, list.get()) < 0) return false;
  for (unsigned i = 0; i < list->nent; ++i) {
    if (list->entries[i].function == 0x80000001) return has_bit(list->entries[i].edx, 26);
  }
  return false;
}

}  // namespace

std::string_view name_of(Paging paging) {
  constexpr std::string_view kNames[] = {"nested", "shadow", "none"};
  return kNames[static_cast<unsigned>(paging)];
}

int Host::cap(int number) const { return ioctl(fd(), KVM_CHECK_EXTENSION, number); }

Result<Host, std::string> Host::open(const std::string& device) {
  Host host;
  host.fd_ = Fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!host.fd_.open()) return fmt::format("{}: {}", device, std::strerror(errno));
  HostFacts& facts = host.facts_;
  facts.api = ioctl(host.fd(), KVM_GET_API_VERSION, 0);
  if (facts.api != KVM_API_VERSION) {
    return fmt::format("{}: not the interface of KVM (version {})", device, facts.api);
  }
  utsname names{};
  if (uname(&names) == 0) facts.kernel = names.release;
  facts.cpu = cpu_text();
  facts.maxphyaddr = static_cast<unsigned>(get_bits(cpuid(0x80000008).eax, 7, 0));
  facts.is_guest = has_bit(cpuid(1).ecx, 31);
  facts.module = module_name();
  facts.paging = paging_of(facts.module);
  for (const Capability& one : kCapabilities) {
    facts.caps.emplace_back(one.name, host.cap(one.number));
  }
  const int types = host.cap(api::kCapVmTypes);
  if (types > 0) facts.vm_types = static_cast<unsigned>(types);
  facts.guest_1g_pages = gives_1g_pages(host.fd());
  return host;
}

}  // namespace nptsim::record
