#include "sim/cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "sim/base/diagnostic.h"

namespace nptsim::cli {
namespace {

constexpr char kAbout[] =
    "nptsim: what a guest sees under AMD SVM nested paging, SEV-ES, KVM and QEMU, and why.\n"
    "Replays scenarios step by step; every rule has an id and a source.";

constexpr char kExamples[] =
    "Examples:\n"
    "  nptsim run scenarios                     all scenarios, against what they expect\n"
    "  nptsim run --format junit scenarios      the same for a build server\n"
    "  nptsim explain scenarios/pflash/FILE     one scenario, told step by step\n"
    "  nptsim diff --to readonly-no-mmio scenarios/pflash   what a design change changes\n"
    "  nptsim sweep --set cpu.c_bit=45..51 FILE     one scenario over many values\n"
    "  nptsim models kvm-7.0 --rows             the rules of a kernel, as text\n"
    "\n"
    "Exit status: 0 all as expected, 1 something differs, 2 bad input or usage,\n"
    "3 incomplete, 70 a bug of nptsim, 130 interrupted.";

constexpr char kRunExamples[] =
    "Examples:\n"
    "  nptsim run scenarios/pflash\n"
    "  nptsim run --promote scenarios/pflash/write.yaml    after a change that is meant\n"
    "  nptsim run --coverage scenarios                     which rows nobody tests";

constexpr char kExplainExamples[] =
    "Examples:\n"
    "  nptsim explain scenarios/pflash/write.yaml\n"
    "  nptsim explain --point 3 scenarios/pflash/write.yaml\n"
    "  nptsim explain --format json scenarios/pflash/write.yaml    the events, a line each";

constexpr char kDiffExamples[] =
    "A model is `kvm-6.8`, `qemu-9.1`, a stack of them, or one with overlays on top:\n"
    "`kvm-6.8+readonly-no-mmio`, `./my-idea.yaml`. An overlay alone means the stack that it was\n"
    "written on (its `base:`) with it on top.\n"
    "Examples:\n"
    "  nptsim diff --from kvm-6.8 --to kvm-7.0 scenarios\n"
    "  nptsim diff --to readonly-no-mmio --format mail scenarios/pflash\n"
    "  nptsim diff --from kvm-7.0 --to pflash-rw-slots --to readonly-no-mmio scenarios/pflash";

constexpr char kSweepExamples[] =
    "Examples:\n"
    "  nptsim sweep scenarios/maxphyaddr/mmio-entry.yaml\n"
    "  nptsim sweep --set cpu.maxphyaddr=44..52 --set cpu.c_bit=43..51 --format svg FILE\n"
    "  nptsim sweep --shard 1/4 FILE >part1         a job of an array; then\n"
    "  nptsim merge --format csv part1 part2 part3 part4";

constexpr char kMutateExamples[] =
    "Examples:\n"
    "  nptsim mutate scenarios\n"
    "  nptsim mutate --in kvm-7.0 --in qemu-10.2 scenarios     rows of these versions, in them\n"
    "  nptsim mutate --only error_pfn --only gate scenarios    rows that begin so\n"
    "  nptsim mutate --sample 200 scenarios                    so many of them, evenly spread";

constexpr char kCheckExamples[] =
    "Examples:\n"
    "  nptsim check traces/T04-svm-fetch-in-missing-slot.yaml\n"
    "  nptsim check trace.txt scenarios/pflash/write-in-romd.yaml    text of trace-cmd report\n"
    "  nptsim import trace.dat >draft.yaml                           a scenario to begin with\n"
    "\n"
    "The points of the scenario's matrix are candidates: what the trace does not say is tried.\n"
    "Exit status: 0 they agree, 1 they part, 3 it is not modelled.";

constexpr char kRecordExamples[] =
    "Examples:\n"
    "  nptsim record scenarios/mmio/moved-slot.yaml >seen.yaml\n"
    "  nptsim check seen.yaml\n"
    "\n"
    "It takes scenarios of `vm: default` with `vmm: bare`, and only what a process can make real.\n"
    "Exit status: 0 recorded, 3 there is no KVM here or it cannot be recorded, and why.";

constexpr char kModelsExamples[] =
    "Examples:\n"
    "  nptsim models                             what there is\n"
    "  nptsim models kvm-7.0 --facts             what its rows may ask\n"
    "  nptsim models kvm-7.0 --draw | dot -Tsvg  its flow as a picture\n"
    "  nptsim models milan                       a processor's values and their sources";

struct FormatName {
  const char* name;
  Format format;
};
constexpr FormatName kFormats[] = {{"human", Format::kHuman}, {"json", Format::kJson},
                                   {"tap", Format::kTap},     {"junit", Format::kJunit},
                                   {"html", Format::kHtml},   {"mail", Format::kMail},
                                   {"csv", Format::kCsv},     {"svg", Format::kSvg}};

// The options as CLI11 fills them in.
struct Line {
  Options options;
  std::string format = "human";
};

void add_format(CLI::App& verb, Line& line, const std::string& names) {
  verb.add_option("--format", line.format, names)->type_name("FORMAT");
}

void add_jobs(CLI::App& verb, Line& line) {
  verb.add_option("--jobs,-j", line.options.jobs, "Threads; one for each processor if not said")
      ->type_name("N")
      ->check(CLI::Range(1u, 1024u));
}

void add_max_steps(CLI::App& verb, Line& line, const std::string& text) {
  verb.add_option("--max-steps", line.options.max_steps, text)
      ->type_name("N")
      ->check(CLI::PositiveNumber);
}

CLI::App* add_run(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("run", "Run scenarios and compare with what they expect");
  verb->add_option("PATH", line.options.paths, "Scenario files and folders")->required();
  add_format(*verb, line, "human, json, tap or junit");
  add_jobs(*verb, line);
  add_max_steps(*verb, line, "Steps of one run; reaching it is `undecided`, never an answer");
  verb->add_flag("--promote", line.options.promote,
                 "Write golden files: what the model says today");
  verb->add_flag("--coverage", line.options.coverage, "Which rows were reached, and which never");
  verb->footer(kRunExamples);
  return verb;
}

CLI::App* add_explain(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("explain", "Tell one scenario step by step, with sources");
  verb->add_option("FILE", line.options.paths, "A scenario file")->required()->expected(1);
  verb->add_option("--point", line.options.point,
                   "Which of several documents and matrix points, counted from 1")
      ->type_name("N");
  add_format(*verb, line, "human, or json: the events, one a line");
  verb->add_flag("--events", line.options.events, "Every event on one line, instead of the story");
  verb->add_flag("--all", line.options.all, "Leave nothing out: every walk, every round of a spin");
  add_max_steps(*verb, line, "Steps of the run");
  verb->footer(kExplainExamples);
  return verb;
}

CLI::App* add_diff(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("diff", "What changes between models or overlays");
  verb->add_option("PATH", line.options.paths, "Scenario files and folders")->required();
  verb->add_option("--from", line.options.from,
                   "The model that is compared with; what --to is based on if not said")
      ->type_name("MODEL");
  verb->add_option("--to", line.options.to, "Another model; several make a matrix")
      ->type_name("MODEL")
      ->allow_extra_args(false)
      ->required();
  add_format(*verb, line, "human, json, html, or mail: plain text below 76 columns");
  add_jobs(*verb, line);
  add_max_steps(*verb, line, "Steps of one run");
  verb->footer(kDiffExamples);
  return verb;
}

void add_columns(CLI::App& verb, Line& line) {
  verb.add_option("--columns", line.options.columns, "The key that goes to the right in a table")
      ->type_name("KEY");
}

CLI::App* add_sweep(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("sweep", "The matrix of a scenario as a table or a map");
  verb->add_option("FILE", line.options.paths, "A scenario file")->required()->expected(1);
  verb->add_option("--set", line.options.set,
                   "An axis more, or in place of the scenario's: KEY=V,V or KEY=FIRST..LAST")
      ->type_name("KEY=VALUES")
      ->allow_extra_args(false);
  verb->add_option("--document", line.options.point, "Which of several documents, from 1")
      ->type_name("N");
  add_format(*verb, line, "human, csv, json or svg");
  add_columns(*verb, line);
  verb->add_option("--shard", line.options.shard, "Only this part, for `nptsim merge`")
      ->type_name("I/N");
  add_jobs(*verb, line);
  add_max_steps(*verb, line, "Steps of one run");
  verb->footer(kSweepExamples);
  return verb;
}

CLI::App* add_merge(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("merge", "The parts of a sweep as a whole");
  verb->add_option("PART", line.options.paths, "What sweep --shard printed, in any order")
      ->required();
  add_format(*verb, line, "human, csv, json or svg");
  add_columns(*verb, line);
  return verb;
}

CLI::App* add_mutate(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("mutate", "Which changed rules no scenario notices");
  verb->add_option("PATH", line.options.paths, "Scenario files and folders")->required();
  verb->add_option("--only", line.options.only, "Rows whose id, file or model begins like this")
      ->type_name("PREFIX")
      ->allow_extra_args(false);
  verb->add_option("--in", line.options.in, "Rows that this version has, by its own name")
      ->type_name("MODEL")
      ->allow_extra_args(false);
  verb->add_option("--kind", line.options.kinds, "action, condition, answer, order or step")
      ->type_name("KIND")
      ->allow_extra_args(false);
  verb->add_option("--sample", line.options.sample, "So many mutants, chosen by --seed")
      ->type_name("N");
  verb->add_option("--seed", line.options.seed, "Of the choice; it is printed")->type_name("N");
  add_format(*verb, line, "human or json");
  add_jobs(*verb, line);
  verb->footer(kMutateExamples);
  return verb;
}

CLI::App* add_models(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("models", "What can be named in a scenario, and its rules");
  verb->add_option("NAME", line.options.name,
                   "A processor, kernel, VMM, guest or proposal; kernel/NAME if it is ambiguous");
  verb->add_flag("--facts", line.options.facts, "What rows may ask, and what they may do");
  verb->add_flag("--rows", line.options.rows, "Its tables as text");
  verb->add_flag("--draw", line.options.draw, "Its flow, for Graphviz");
  verb->add_option("--with", line.options.peer,
                   "The VMM beside a kernel, or the kernel below a VMM")
      ->type_name("NAME");
  add_format(*verb, line, "human, or json for the list");
  verb->footer(kModelsExamples);
  return verb;
}

CLI::App* add_lint(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("lint", "Check scenarios without running them, and models");
  verb->add_option("PATH", line.options.paths, "Scenario files and folders");
  verb->add_flag(
      "--models", line.options.models,
      "Models and proposals: rows that nothing reaches, that differ in nothing, or whose "
      "base is gone");
  verb->add_flag("--tell-apart", line.options.tell_apart,
                 "Versions that no scenario of PATH tells apart; runs them all");
  add_format(*verb, line, "human, json, tap or junit");
  return verb;
}

CLI::App* add_schema(CLI::App& app, Line& line) {
  add_format(*app.add_subcommand("schema", "The scenario format as JSON Schema, for editors"), line,
             "json");
  return app.get_subcommand("schema");
}

CLI::App* add_check(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("check", "Lay a recorded trace beside the model");
  verb->add_option(
          "TRACE", line.options.paths,
          "A recording (.yaml), text of ftrace or of logs, a trace.dat, or - ; then perhaps "
          "the scenario that it is compared with")
      ->required()
      ->expected(1, 2);
  add_format(*verb, line, "human, or json");
  verb->add_option("--max-steps", line.options.max_steps, "Steps of a run")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  verb->footer(kCheckExamples);
  return verb;
}

CLI::App* add_import(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("import", "Draft a scenario from a recorded trace");
  verb->add_option("TRACE", line.options.paths, "What `check` takes")->required()->expected(1);
  verb->footer(kCheckExamples);
  return verb;
}

CLI::App* add_record(CLI::App& app, Line& line) {
  CLI::App* verb =
      app.add_subcommand("record", "Run a scenario for real on this machine's KVM, as a recording");
  verb->add_option("FILE", line.options.paths, "A scenario file")->required()->expected(1);
  verb->add_option("--point", line.options.point,
                   "Which of several documents and matrix points, counted from 1")
      ->type_name("N");
  verb->add_option("--id", line.options.name, "The recording's name")->type_name("ID");
  verb->add_option("--date", line.options.date, "When; nothing is said without")->type_name("TEXT");
  verb->add_option("--time", line.options.milliseconds,
                   "Milliseconds of each vCPU; one that goes on is recorded as such")
      ->type_name("N")
      ->check(CLI::Range(10u, 60'000u));
  verb->footer(kRecordExamples);
  return verb;
}

CLI::App* add_evidence(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand(
      "evidence", "How every rule of every model is known, and which recordings show it");
  add_format(*verb, line, "human, or json");
  verb->add_flag("--page", line.options.page,
                 "Only what recordings show, as docs/evidence.md has it");
  return verb;
}

Parsed refuse(const std::string& sentence) {
  Parsed parsed;
  parsed.error = "nptsim: " + sentence + "\n";
  parsed.status = ExitStatus::kBadInput;
  return parsed;
}

std::string with_suggestion(std::string sentence, const std::string& word,
                            const std::vector<std::string>& candidates) {
  const std::string near = nearest_spelling(word, candidates);
  if (!near.empty()) sentence += "; did you mean '" + near + "'?";
  return sentence + " (accepted: " + list_of(candidates) + ")";
}

std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

Parsed refuse_extra(const std::string& word, const CLI::App& app, const CLI::App* verb) {
  const std::string plain = word.substr(0, word.find('='));
  if (is_option(word)) {
    return refuse(with_suggestion("unknown option '" + plain + "'", plain,
                                  option_names(verb != nullptr ? *verb : app)));
  }
  if (verb != nullptr) return refuse("unexpected argument '" + word + "'");
  std::vector<std::string> verbs;
  for (const CLI::App* one : app.get_subcommands({})) verbs.push_back(one->get_name());
  return refuse(with_suggestion("unknown command '" + word + "'", word, verbs));
}

std::optional<Format> format_named(const std::string& name) {
  for (const FormatName& row : kFormats) {
    if (name == row.name) return row.format;
  }
  return std::nullopt;
}

// The formats that a verb has.
std::vector<std::string> formats_of(Verb verb) {
  switch (verb) {
    case Verb::kExplain:
    case Verb::kModels:
    case Verb::kMutate:
    case Verb::kCheck:
    case Verb::kEvidence:
      return {"human", "json"};
    case Verb::kDiff:
      return {"human", "json", "html", "mail"};
    case Verb::kSweep:
    case Verb::kMerge:
      return {"human", "csv", "json", "svg"};
    case Verb::kSchema:
      return {"json"};
    default:
      return {"human", "json", "tap", "junit"};
  }
}

Parsed finish(const Line& line, Verb verb) {
  Options options = line.options;
  options.verb = verb;
  const std::vector<std::string> formats = formats_of(verb);
  const std::string& format =
      verb == Verb::kSchema && line.format == "human" ? formats[0] : line.format;
  if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
    return refuse(with_suggestion("unknown format '" + line.format + "'", line.format, formats));
  }
  options.format = *format_named(format);
  if (verb == Verb::kLint && options.paths.empty() && (!options.models || options.tell_apart)) {
    return refuse("which scenarios? Name a file or a folder, or --models alone");
  }
  if (options.facts + options.rows + options.draw > 1) {
    return refuse("--facts, --rows and --draw exclude each other");
  }
  if ((options.facts || options.rows || options.draw) && options.name.empty()) {
    return refuse("whose? Name a model: nptsim models NAME --rows");
  }
  Parsed parsed;
  parsed.options = std::move(options);
  return parsed;
}

}  // namespace

Parsed parse_options(const std::vector<std::string>& arguments) {
  Line line;
  CLI::App app(kAbout, "nptsim");
  app.footer(kExamples);
  app.set_version_flag("--version", std::string("nptsim ") + kVersion);
  app.set_help_flag("--help,-h", "Print this help and exit");
  app.require_subcommand(0, 1);
  app.allow_extras();
  struct VerbApp {
    Verb verb;
    CLI::App* app;
  };
  const VerbApp verbs[] = {
      {Verb::kRun, add_run(app, line)},          {Verb::kExplain, add_explain(app, line)},
      {Verb::kDiff, add_diff(app, line)},        {Verb::kSweep, add_sweep(app, line)},
      {Verb::kMerge, add_merge(app, line)},      {Verb::kMutate, add_mutate(app, line)},
      {Verb::kModels, add_models(app, line)},    {Verb::kLint, add_lint(app, line)},
      {Verb::kSchema, add_schema(app, line)},    {Verb::kCheck, add_check(app, line)},
      {Verb::kImport, add_import(app, line)},    {Verb::kRecord, add_record(app, line)},
      {Verb::kEvidence, add_evidence(app, line)}};
  for (const VerbApp& verb : verbs) verb.app->allow_extras();

  Parsed parsed;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    parsed.out = chosen.empty() ? app.help() : chosen[0]->help();
    return parsed;
  } catch (const CLI::CallForVersion& version) {
    parsed.out = std::string(version.what()) + "\n";
    return parsed;
  } catch (const CLI::ParseError& error) {
    // An option that nobody knows explains a missing argument better than the missing argument.
    for (const CLI::App* chosen : app.get_subcommands()) {
      for (const std::string& word : chosen->remaining()) {
        if (is_option(word)) return refuse_extra(word, app, chosen);
      }
    }
    return refuse(std::string(error.what()) + "; `nptsim --help` tells more");
  }
  const auto chosen = app.get_subcommands();
  for (const std::string& word : app.remaining()) return refuse_extra(word, app, nullptr);
  if (chosen.empty()) {
    parsed.error = app.help();
    parsed.status = ExitStatus::kBadInput;
    return parsed;
  }
  for (const std::string& word : chosen[0]->remaining()) return refuse_extra(word, app, chosen[0]);
  for (const VerbApp& verb : verbs) {
    if (verb.app == chosen[0]) return finish(line, verb.verb);
  }
  return refuse("there is no such command");
}

}  // namespace nptsim::cli
