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
constexpr FormatName kFormats[] = {{"human", Format::kHuman},
                                   {"json", Format::kJson},
                                   {"tap", Format::kTap},
                                   {"junit", Format::kJunit}};

// The options as CLI11 fills them in.
struct Line {
  Options options;
  std::string format = "human";
};

void add_format(CLI::App& verb, Line& line, const std::string& names) {
  verb.add_option("--format", line.format, names)->type_name("FORMAT");
}

CLI::App* add_run(CLI::App& app, Line& line) {
  CLI::App* verb = app.add_subcommand("run", "Run scenarios and compare with what they expect");
  verb->add_option("PATH", line.options.paths, "Scenario files and folders")->required();
  add_format(*verb, line, "human, json, tap or junit");
  verb->add_option("--jobs,-j", line.options.jobs, "Threads; one for each processor if not said")
      ->type_name("N")
      ->check(CLI::Range(1u, 1024u));
  verb->add_option("--max-steps", line.options.max_steps,
                   "Steps of one run; reaching it is `undecided`, never an answer")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
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
  verb->add_option("--max-steps", line.options.max_steps, "Steps of the run")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  verb->footer(kExplainExamples);
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
  CLI::App* verb = app.add_subcommand("lint", "Check scenarios without running them");
  verb->add_option("PATH", line.options.paths, "Scenario files and folders")->required();
  add_format(*verb, line, "human, json, tap or junit");
  return verb;
}

CLI::App* add_schema(CLI::App& app, Line& line) {
  add_format(*app.add_subcommand("schema", "The scenario format as JSON Schema, for editors"), line,
             "json");
  return app.get_subcommand("schema");
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
      return {"human", "json"};
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
  const VerbApp verbs[] = {{Verb::kRun, add_run(app, line)},
                           {Verb::kExplain, add_explain(app, line)},
                           {Verb::kModels, add_models(app, line)},
                           {Verb::kLint, add_lint(app, line)},
                           {Verb::kSchema, add_schema(app, line)}};
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
