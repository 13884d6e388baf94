// `evidence`: how every rule of every model is known, and which recordings show it.
#include <string>
#include <vector>

#include "models/library.h"
#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/evidence_table.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/root.h"
#include "sim/report/json.h"

namespace nptsim::cli {

ExitStatus evidence_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  catch_interrupts();
  models::Library library(root.value());
  Diagnostics trouble;
  const trace::EvidenceTable table = evidence_table(library, options.max_steps, trouble);
  if (!trouble.empty()) return print_bad_input(trouble, options);
  const std::vector<trace::EvidenceRow> rows = table.rows();
  if (options.format == Format::kJson) {
    report::Json json;
    json["nptsim"] = 1;
    json["verb"] = "evidence";
    json["results"] = trace::evidence_json(rows);
    print(report::dump(json, 1) + "\n");
  } else {
    print(options.page ? trace::evidence_page(rows) : trace::evidence_text(rows));
  }
  return interrupted() ? ExitStatus::kInterrupted : ExitStatus::kAsExpected;
}

}  // namespace nptsim::cli
