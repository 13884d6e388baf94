#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "models/library.h"
#include "models/library_files.h"

namespace nptsim::models {
namespace {

rules::Spelled spelled(const std::string& text) { return {text, {"test.yaml", 3, 5}}; }

StackRequest request(const std::string& vmm, const std::string& guest) {
  StackRequest result;
  result.kernel = spelled("kvm-7.0");
  result.vmm = spelled(vmm);
  result.guest = spelled(guest);
  return result;
}

TEST_CASE("numbers in names compare as numbers") {
  CHECK(older_name("kvm-6.8", "kvm-6.11"));
  CHECK(!older_name("kvm-6.11", "kvm-6.8"));
  CHECK(older_name("kvm-6.11", "kvm-7.0"));
  CHECK(!older_name("qemu-10.2", "qemu-10.2"));
  CHECK(older_name("qemu", "qemu-9.1"));
}

TEST_CASE("everything that is listed can be read") {
  Library library(".");
  const std::vector<Listed> all = library.list();
  for (const Listed& one : all) {
    CAPTURE(one.file);
    CHECK(one.problems.empty());
    CHECK(!one.title.empty());
  }
  for (const char* kind : {"cpu", "kernel", "vmm", "guest"}) {
    CAPTURE(kind);
    CHECK(std::any_of(all.begin(), all.end(), [&](const Listed& one) { return one.kind == kind; }));
  }
}

TEST_CASE("every CPU is one that can exist") {
  Library library(".");
  for (const Listed& one : library.list()) {
    if (one.kind != "cpu") continue;
    CAPTURE(one.name);
    const auto cpu = library.cpu(spelled(one.name));
    REQUIRE(cpu.ok());
    CHECK(cpu.value().name == one.name);
  }
}

TEST_CASE("every stack of a kernel, a VMM and a guest passes the checks and links") {
  Library library(".");
  for (const char* vmm : {"qemu", "bare"}) {
    for (const char* guest : {"none", "ovmf", "linux"}) {
      CAPTURE(vmm);
      CAPTURE(guest);
      const auto stack = library.stack(request(vmm, guest));
      if (!stack.ok()) FAIL(to_string(stack.error().front()));
      CHECK(stack.value()->entries.vmm_start.has_value());
      CHECK((stack.value()->guest.program == nullptr) == (std::string(guest) == "none"));
    }
  }
}

TEST_CASE("every version of a kernel passes the checks with each VMM") {
  Library library(".");
  for (const Listed& one : library.list()) {
    if (one.kind != "kernel") continue;
    for (const char* vmm : {"qemu", "bare"}) {
      CAPTURE(one.name);
      CAPTURE(vmm);
      StackRequest wanted = request(vmm, "none");
      wanted.kernel = spelled(one.name);
      const auto stack = library.stack(wanted);
      if (!stack.ok()) FAIL(to_string(stack.error().front()));
      CHECK(stack.value()->kernel.name == one.name);
    }
  }
}

TEST_CASE("a family's name is its newest version") {
  Library library(".");
  CHECK(library.canonical_name(rules::ModelKind::kVmm, "qemu")->starts_with("qemu-"));
  CHECK(library.canonical_name(rules::ModelKind::kKernel, "kvm-7.0") == "kvm-7.0");
  CHECK(!library.canonical_name(rules::ModelKind::kKernel, "kvm-1"));
}

TEST_CASE("a version is called what its file is called") {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / "nptsim-library-test";
  fs::create_directories(root / "models/vmm/bare/versions");
  std::ofstream(root / "models/vmm/bare/versions/odd.yaml") << "vmm: even\ntitle: Not odd\n";
  const auto model = Library(root.string()).model(rules::ModelKind::kVmm, spelled("odd"), {});
  fs::remove_all(root);
  REQUIRE(!model.ok());
  CHECK(model.error().front().found.ends_with("odd.yaml calls itself 'even'"));
}

TEST_CASE("the same request gives the same programs") {
  Library library(".");
  const auto first = library.stack(request("qemu", "none"));
  const auto second = library.stack(request("qemu", "none"));
  REQUIRE((first.ok() && second.ok()));
  CHECK(first.value() == second.value());
}

TEST_CASE("settings: a parameter of the kernel") {
  Library library(".");
  StackRequest off = request("bare", "none");
  off.params["kernel.mmio_caching"] = spelled("off");
  const auto stack = library.stack(off);
  REQUIRE(stack.ok());
  CHECK(stack.value()->kernel.program->setting("mmio_caching") == "off");
  off.params["kernel.mmio_caching"] = spelled("perhaps");
  const auto wrong = library.stack(off);
  REQUIRE(!wrong.ok());
  CHECK(wrong.error().front().pos == SourcePos{"test.yaml", 3, 5});
}

TEST_CASE("overrides of a CPU, and what no part can be") {
  Library library(".");
  const auto cpu = library.cpu(spelled("milan"), {{"reduction", spelled("1")}});
  REQUIRE(cpu.ok());
  CHECK(cpu.value().host_width() == 47);
  CHECK(!library.cpu(spelled("milan"), {{"reduction", spelled("30")}}).ok());
  CHECK(library.any_cpu(spelled("milan"), {{"reduction", spelled("30")}}).ok());
  CHECK(!library.any_cpu(spelled("milan"), {{"reduction", spelled("x")}}).ok());
}

// What `gmem_order` is after the overlay "mine.yaml" that lies beside the scenario.
std::string order_beside(Library& library, const std::filesystem::path& folder) {
  StackRequest with = request("bare", "none");
  with.vm_type = "snp";
  with.overlays = {{"mine.yaml", {(folder / "scenario.yaml").string(), 3, 5}}};
  auto stack = library.stack(with);
  REQUIRE(stack.ok());
  return std::string(stack.value()->kernel.program->setting("gmem_order").value_or("-"));
}

TEST_CASE("an overlay beside the scenario: the same name is another file in another folder") {
  const std::filesystem::path here = std::filesystem::path(std::getenv("TEST_TMPDIR"));
  for (const std::string order : {"0", "9"}) {
    std::filesystem::create_directory(here / order);
    std::ofstream(here / order / "mine.yaml")
        << "overlay: mine\nsource: none\nevidence: inferred\n"
        << "kernel: { params: { gmem_order: { default: " << order << ", values: [0, 9] } } }\n";
  }
  Library library(".");
  CHECK(order_beside(library, here / "0") == "0");
  CHECK(order_beside(library, here / "9") == "9");
}

TEST_CASE("an overlay that does not exist") {
  Library library(".");
  StackRequest with = request("bare", "none");
  with.overlays.push_back(spelled("no-such-thing"));
  CHECK(!library.stack(with).ok());
  with.overlays[0] = spelled("no/such/file.yaml");
  const auto stack = library.stack(with);
  REQUIRE(!stack.ok());
  CHECK(stack.error().front().pos.line == 3);
}

}  // namespace
}  // namespace nptsim::models
