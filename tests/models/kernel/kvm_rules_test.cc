// KVM's rows as a whole: they load, and the loader refuses what they must never become.
#include <string>

#include "doctest/doctest.h"
#include "models/kernel/kvm/model.h"
#include "sim/rules/check.h"
#include "sim/rules/read_model.h"
#include "sim/yaml/load.h"

namespace nptsim {
namespace {

constexpr const char* kModel = "models/kernel/kvm/versions/kvm-7.0.yaml";

// What a VMM answers when KVM_RUN returns to it.
rules::Outside any_vmm() {
  rules::Outside outside;
  outside.exits.push_back({"userspace", {{"run", {}}, {"stopped", {}}}, {}});
  return outside;
}

Result<rules::Model, Diagnostics> with_overlay(const std::string& text) {
  const rules::LoadFile disk = rules::load_from_disk();
  const rules::LoadFile load = [&](const std::string& path) {
    return path == "overlay.yaml" ? yaml::shared(yaml::load_text(text, path)) : disk(path);
  };
  auto overlay = rules::read_overlay("overlay.yaml", load);
  if (!overlay) return overlay.error();
  const rules::Overlay overlays[] = {overlay.value()};
  return rules::load_model(kModel, overlays, load);
}

// The messages of a model that is refused.
std::string refusal_of(const std::string& overlay) {
  const auto model = with_overlay(overlay);
  const auto text = [](const Diagnostics& diagnostics) {
    std::string all;
    for (const Diagnostic& d : diagnostics) all += to_string(d) + "\n";
    return all;
  };
  if (!model) return text(model.error());
  const auto checked = rules::check(model.value(), kvm::vocabulary(), any_vmm());
  return checked ? "" : text(checked.error());
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("the vocabulary is in order and every row of KVM 7.0 loads") {
  CHECK(kvm::vocabulary().problems().empty());
  CHECK(refusal_of("overlay: nothing\nbase: { kernel: kvm-7.0 }\nsource: none\n") == "");
}

// No kernel can emulate an instruction of a guest whose registers and code are encrypted. An
// overlay that says so anyway is no design proposal but a mistake, and the loader says whose.
TEST_CASE("an overlay that emulates for an SEV-ES guest is refused with the reason") {
  const std::string text = refusal_of(R"(
overlay: emulate-for-es
base: { kernel: kvm-7.0 }
source: "a wish"
kernel:
  stages:
    gate:
      - { id: gate.sealed, when: { guest: [es, snp] }, then: go, evidence: inferred }
)");
  CHECK(mentions(text, "emulate_instruction"));
  CHECK(mentions(text, "gate.sealed"));
  CHECK(mentions(text, "sealed"));
}

TEST_CASE("an overlay that leaves a fault without an answer is refused with the missing case") {
  const std::string text = refusal_of(R"(
overlay: forget-errors
base: { kernel: kvm-7.0 }
source: "a slip"
kernel: { stages: { error_pfn: { remove: [error_pfn.fault] } } }
)");
  CHECK(mentions(text, "error_pfn"));
  CHECK(mentions(text, "pfn"));
}

TEST_CASE("an overlay that no row can fall through to is refused as shadowed") {
  const std::string text = refusal_of(R"(
overlay: too-late
base: { kernel: kvm-7.0 }
source: "a slip"
kernel:
  stages:
    error_pfn:
      - { id: error_pfn.ro-again, after: error_pfn.fault, when: { pfn: ro-fault }, then: error, evidence: inferred }
)");
  CHECK(mentions(text, "error_pfn.ro-again"));
}

TEST_CASE("a mistyped fact is named with its nearest spelling") {
  const std::string text = refusal_of(R"(
overlay: typo
base: { kernel: kvm-7.0 }
source: "a slip"
kernel:
  stages:
    pfn:
      - { id: pfn.typo, first: yes, when: { slott: readonly }, then: fault, evidence: inferred }
)");
  CHECK(mentions(text, "slott"));
  CHECK(mentions(text, "did you mean 'slot'?"));
}

}  // namespace
}  // namespace nptsim
