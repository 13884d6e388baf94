// `record`: one point of a scenario on the KVM of this machine, as a recording.
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "models/library.h"
#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/points.h"
#include "sim/cli/root.h"
#include "sim/record/refusals.h"
#include "sim/record/session.h"
#include "sim/record/write.h"
#include "sim/scenario/build.h"
#include "sim/scenario/canonical.h"

namespace nptsim::cli {
namespace {

// What this host or any host cannot do is no error of the scenario's.
ExitStatus refuse(const Diagnostics& reasons) {
  for (const Diagnostic& one : reasons) print_error(to_string(one) + "\n");
  print_error("nptsim: this cannot be recorded\n");
  return ExitStatus::kIncomplete;
}

ExitStatus no_kvm(const std::string& why) {
  print_error("nptsim: there is no KVM to record: " + why + "\n");
  return ExitStatus::kIncomplete;
}

record::Provenance provenance_of(const PointToRun& chosen, const std::string& root,
                                 const Options& options) {
  const scenario::Scenario& point = chosen.point.scenario;
  record::Provenance from;
  from.id = options.name.empty() ? "new" : options.name;
  from.title = point.name;
  from.date = options.date;
  from.scenario = without_root(std::filesystem::absolute(chosen.file).string(), root);
  // A file elsewhere has a path that is nobody's business.
  if (from.scenario.starts_with("/")) {
    from.scenario = std::filesystem::path(from.scenario).filename().string();
  }
  from.hash = scenario::scenario_hash(point);
  from.point = point.picks;
  from.vcpus = static_cast<unsigned>(point.vm.machine.vcpus.value);
  return from;
}

}  // namespace

ExitStatus record_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  catch_interrupts();
  models::Library library(root.value());
  const LoadedFile file = load_points(options.paths[0], library);
  const auto found = find_point(file, options.point.value_or(1));
  if (!found.ok()) return print_bad_input(found.error(), options);
  const PointToRun& chosen = *found.value();
  const scenario::Scenario& point = chosen.point.scenario;

  const auto host = record::Host::open();
  const Diagnostics reasons = record::refusals(point, host.ok() ? &host.value().facts() : nullptr);
  if (!reasons.empty()) return refuse(reasons);
  if (!host.ok()) return no_kvm(host.error());
  auto built = scenario::build(point, library);
  if (!built.ok()) return print_bad_input(built.error(), options);

  record::Limits limits;
  limits.milliseconds = options.milliseconds;
  limits.interrupted = interrupt_flag();
  const auto seen = record::run_for_real(point, *built.value().machine, host.value(), limits);
  if (interrupted()) return ExitStatus::kInterrupted;
  if (!seen.ok()) {
    print_error("nptsim: this host does not run it: " + seen.error() + "\n");
    return ExitStatus::kIncomplete;
  }
  print(record::recording_text(seen.value(), host.value().facts(),
                               provenance_of(chosen, root.value(), options)));
  return ExitStatus::kAsExpected;
}

}  // namespace nptsim::cli
