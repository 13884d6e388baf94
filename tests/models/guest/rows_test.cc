// The rows of the guests hold together: every name is known, every stage is total, every step ends.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "models/guest/linux/model.h"
#include "models/guest/ovmf/model.h"
#include "models/guest/svsm/model.h"
#include "sim/rules/check.h"
#include "sim/rules/compile.h"
#include "sim/rules/read_model.h"

namespace nptsim::guest_test {
namespace {

std::string told(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += to_string(diagnostic) + "\n";
  return text;
}

// "flash.write(address value)", and so on; or what is wrong.
std::string load(const std::string& path, const rules::Vocabulary& vocabulary) {
  std::string text;
  for (const std::string& problem : vocabulary.problems()) text += problem + "\n";
  auto model = rules::load_model(path, {}, rules::load_from_disk());
  if (!model.ok()) return text + told(model.error());
  const auto checked = rules::check(model.value(), vocabulary);
  if (!checked.ok()) return text + told(checked.error());
  rules::WordTable words;
  const auto program = rules::compile(checked.value(), {}, words);
  if (!program.ok()) return text + told(program.error());
  for (const rules::Exported& procedure : checked.value().exported()) {
    text += procedure.name + "(";
    for (const std::string& local : procedure.locals) text += " " + local;
    text += " )\n";
  }
  return text;
}

TEST_CASE("OVMF's rows are read, checked and compiled") {
  const std::string text = load("models/guest/ovmf/versions/ovmf-202605.yaml", ovmf::vocabulary());
  INFO(text);
  CHECK(text.find("vc_handler( error_code ") != std::string::npos);
  CHECK(text.find("flash.write( address value ") != std::string::npos);
  CHECK(text.find("flash.detect( address ") != std::string::npos);
  CHECK(text.find("error") == text.find("error_code"));
}

TEST_CASE("OVMF's earlier states are read, checked and compiled") {
  for (const char* name : {"ovmf-202402", "ovmf-202008-before-437eb3f7a8"}) {
    const std::string path = "models/guest/ovmf/versions/" + std::string(name) + ".yaml";
    const std::string text = load(path, ovmf::vocabulary());
    INFO(text);
    CHECK(text.find("vc_handler( error_code ") != std::string::npos);
    CHECK(text.find("error") == text.find("error_code"));
  }
}

TEST_CASE("Linux without its opcode check is read, checked and compiled") {
  const std::string text =
      load("models/guest/linux/versions/linux-6.8.yaml", linux_guest::vocabulary());
  INFO(text);
  CHECK(text.find("vc_handler( error_code ") != std::string::npos);
  CHECK(text.find("error") == text.find("error_code"));
}

TEST_CASE("COCONUT-SVSM's rows are read, checked and compiled") {
  const std::string text = load("models/guest/svsm/versions/svsm-2026.yaml", svsm::vocabulary());
  INFO(text);
  CHECK(text.find("vc_handler( error_code ") != std::string::npos);
  CHECK(text.find("map_and_validate( address pages ") != std::string::npos);
  CHECK(text.find("error") == text.find("error_code"));
}

TEST_CASE("Linux's rows are read, checked and compiled") {
  const std::string text =
      load("models/guest/linux/versions/linux-6.18.yaml", linux_guest::vocabulary());
  INFO(text);
  CHECK(text.find("vc_handler( error_code ") != std::string::npos);
  CHECK(text.find("ghcb.mmio_write( address value size )") != std::string::npos);
  CHECK(text.find("terminate( set reason ") != std::string::npos);
  CHECK(text.find("error") == text.find("error_code"));
}

}  // namespace
}  // namespace nptsim::guest_test
