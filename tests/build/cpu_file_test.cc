#include <doctest/doctest.h>

#include "models/cpu/load.h"
#include "sim/yaml/load.h"

namespace nptsim::models {
namespace {

Result<svm::CpuProfile, Diagnostics> read(const std::string& text) {
  const auto documents = yaml::load_text(text, "cpu.yaml");
  REQUIRE(documents.ok());
  return read_cpu(documents.value().front());
}

TEST_CASE("values with and without their origin") {
  const auto cpu = read(
      "cpu: test\ntitle: A test\nmaxphyaddr: { value: 52, source: nobody, evidence: inferred }\n"
      "reduction: 6\nc_bit: none\nmemory_encryption: off\n"
      "features: { gmet: on, decode-assists: { value: off, source: nobody } }\n");
  REQUIRE(cpu.ok());
  CHECK(cpu.value().name == "test");
  CHECK(cpu.value().maxphyaddr == 52);
  CHECK(cpu.value().reduction == 6);
  CHECK(!cpu.value().c_bit.has_value());
  CHECK(cpu.value().features.gmet);
  CHECK(!cpu.value().features.decode_assists);
}

TEST_CASE("everything that is wrong is told at once, with its place") {
  const auto cpu = read(
      "title: Nobody\nmaxphyadr: 48\nreduction: many\nc_bit: 64\nfeatures: { gmed: on, pml: 2 }\n"
      "asids: { value: 5, sauce: x }\n");
  REQUIRE(!cpu.ok());
  const Diagnostics& wrong = cpu.error();
  REQUIRE(wrong.size() == 7);
  CHECK(wrong[0].suggestion == "did you mean 'maxphyaddr'?");
  CHECK(wrong[0].pos == SourcePos{"cpu.yaml", 2, 1});
  CHECK(wrong[3].suggestion == "did you mean 'gmet'?");
}

TEST_CASE("where the RMP lies, and what no source settles about it") {
  svm::CpuProfile cpu;
  Diagnostics diagnostics;
  cpu.features.sev = cpu.features.sev_es = cpu.features.snp = true;
  cpu.c_bit = 51, cpu.encrypted_guests = 509, cpu.vmpls = 4, cpu.reduction = 5;
  CHECK(svm::contradictions(cpu).empty());
  set_cpu_field(cpu, "secure_nested_paging", "on", {}, diagnostics);
  set_cpu_field(cpu, "rmp_base", "0x10000000", {}, diagnostics);
  set_cpu_field(cpu, "rmp_end", "0x107fffff", {}, diagnostics);
  set_cpu_field(cpu, "rmpupdate_contention", "off", {}, diagnostics);
  set_cpu_field(cpu, "pvalidate_above_vmpl0", "gp", {}, diagnostics);
  CHECK(diagnostics.empty());
  CHECK(cpu.checks_rmp());
  CHECK(cpu.rmp == svm::RmpTable{0x10000000, 0x107fffff});
  CHECK_FALSE(cpu.rmp_choices.rmpupdate_contention);
  CHECK(cpu.rmp_choices.pvalidate_above_vmpl0 == svm::RmpRefusal::kGeneralProtection);
  CHECK(svm::contradictions(cpu).empty());
  cpu.rmp.end = 0x107ff000;
  CHECK_FALSE(svm::contradictions(cpu).empty());
  cpu.secure_nested_paging = false;  // then nobody asks
  CHECK(svm::contradictions(cpu).empty());
  set_cpu_field(cpu, "pvalidate_above_vmpl0", "maybe", {}, diagnostics);
  CHECK(diagnostics.size() == 1);
}

TEST_CASE("fields by name, as `set:` gives them") {
  svm::CpuProfile cpu;
  Diagnostics diagnostics;
  set_cpu_field(cpu, "features.pml", "on", {}, diagnostics);
  set_cpu_field(cpu, "rogpt", "yes", {}, diagnostics);
  set_cpu_field(cpu, "c-bit", "47", {}, diagnostics);
  CHECK(diagnostics.empty());
  CHECK(cpu.features.pml);
  CHECK(cpu.features.rogpt);
  CHECK(cpu.c_bit == 47u);
}

}  // namespace
}  // namespace nptsim::models
