#include "sim/cli/options.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace nptsim::cli {
namespace {

TEST_CASE("of several statuses the first of 70, 130, 2, 1, 3 wins") {
  constexpr ExitStatus kOrder[] = {ExitStatus::kBug,        ExitStatus::kInterrupted,
                                   ExitStatus::kBadInput,   ExitStatus::kDifferent,
                                   ExitStatus::kIncomplete, ExitStatus::kAsExpected};
  for (unsigned i = 0; i < 6; ++i) {
    for (unsigned j = i; j < 6; ++j) {
      CHECK(worse(kOrder[i], kOrder[j]) == kOrder[i]);
      CHECK(worse(kOrder[j], kOrder[i]) == kOrder[i]);
    }
  }
}

Options options_of(const std::vector<std::string>& arguments) {
  const Parsed parsed = parse_options(arguments);
  REQUIRE_MESSAGE(parsed.options.has_value(), parsed.error);
  return *parsed.options;
}

TEST_CASE("run with everything") {
  const Options options = options_of(
      {"run", "--format=tap", "-j", "3", "--max-steps", "7", "a", "--promote", "b", "--coverage"});
  CHECK(options.verb == Verb::kRun);
  CHECK(options.format == Format::kTap);
  CHECK(options.jobs == 3);
  CHECK(options.max_steps == 7);
  CHECK(options.paths == std::vector<std::string>{"a", "b"});
  CHECK(options.promote);
  CHECK(options.coverage);
}

TEST_CASE("schema has one format") {
  CHECK(options_of({"schema"}).format == Format::kJson);
  CHECK_FALSE(parse_options({"schema", "--format", "tap"}).options.has_value());
}

TEST_CASE("diff, sweep and mutate with everything") {
  const Options diff = options_of(
      {"diff", "--from", "kvm-6.8", "--to", "a+b", "--to", "c", "s", "t", "--format", "mail"});
  CHECK(diff.from == "kvm-6.8");
  CHECK(diff.to == std::vector<std::string>{"a+b", "c"});
  CHECK(diff.paths == std::vector<std::string>{"s", "t"});
  CHECK(diff.format == Format::kMail);
  const Options sweep = options_of({"sweep", "--set", "cpu.c_bit=45..51", "f", "--shard", "2/3"});
  CHECK(sweep.set == std::vector<std::string>{"cpu.c_bit=45..51"});
  CHECK(sweep.paths == std::vector<std::string>{"f"});
  CHECK(sweep.shard == "2/3");
  const Options mutate = options_of({"mutate", "--only", "gate", "--only", "npf", "s"});
  CHECK(mutate.only == std::vector<std::string>{"gate", "npf"});
  CHECK(options_of({"mutate", "--in", "kvm-7.0", "s"}).in == std::vector<std::string>{"kvm-7.0"});
  CHECK(options_of({"lint", "--models"}).models);
}

TEST_CASE("what cannot be is refused with status 2") {
  const std::vector<std::vector<std::string>> bad = {
      {},
      {"run"},
      {"run", "--jobs", "0", "a"},
      {"run", "--jobs"},
      {"run", "--max-steps", "-1", "a"},
      {"explain", "a", "b"},
      {"explain", "--format", "tap", "a"},
      {"models", "--rows"},
      {"models", "kvm-7.0", "--rows", "--facts"},
      {"sweep"},
      {"sweep", "a", "b"},
      {"diff", "a"},
      {"diff", "--to", "x"},
      {"lint"},
      {"lint", "--tell-apart", "--models"},
      {"diff", "--to", "x", "--format", "svg", "a"},
      {"sweep", "--format", "mail", "a"},
      {"--formt", "json"},
  };
  for (const auto& arguments : bad) {
    const Parsed parsed = parse_options(arguments);
    CAPTURE(arguments.size());
    CHECK_FALSE(parsed.options.has_value());
    CHECK(parsed.status == ExitStatus::kBadInput);
    CHECK_FALSE(parsed.error.empty());
    CHECK(parsed.out.empty());
  }
}

}  // namespace
}  // namespace nptsim::cli
