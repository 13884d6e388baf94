#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "models/library.h"
#include "sim/cli/checked_model.h"
#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/root.h"
#include "sim/report/cpu_text.h"
#include "sim/report/human.h"
#include "sim/report/json.h"
#include "sim/report/model_text.h"
#include "sim/rules/graph.h"
#include "sim/yaml/load.h"

namespace nptsim::cli {
namespace {

using models::Listed;

std::string file_of(const Listed& listed, const models::Library& library) {
  return without_root(listed.file, library.root());
}

// All sources of a processor would hide the list; `nptsim models NAME` has them beside the values.
std::string sources_text(const Listed& listed) {
  if (listed.sources.size() == 1) return listed.sources.front();
  return listed.sources.empty() ? "" : fmt::format("{} sources", listed.sources.size());
}

std::string list_text(const std::vector<Listed>& all, const models::Library& library,
                      const report::Style& style) {
  std::string out;
  for (const char* kind : {"cpu", "kernel", "vmm", "guest", "proposal"}) {
    std::vector<std::vector<std::string>> rows;
    for (const Listed& listed : all) {
      if (listed.kind != kind) continue;
      std::string title = listed.title;
      if (!listed.problems.empty()) title = "cannot be read, `nptsim models NAME` says why";
      if (!listed.aliases.empty()) title += " (also " + report::join(listed.aliases, ", ") + ")";
      rows.push_back({listed.name, title, file_of(listed, library), sources_text(listed)});
    }
    if (rows.empty()) continue;
    out += (out.empty() ? "" : "\n") + style.strong(kind) + "\n";
    for (const std::string& line : report::table(rows)) out += "  " + line + "\n";
  }
  return out;
}

report::Json list_json(const std::vector<Listed>& all, const models::Library& library) {
  report::Json json;
  json["nptsim"] = 1;
  json["verb"] = "models";
  json["models"] = report::Json::array();
  for (const Listed& listed : all) {
    report::Json one;
    one["kind"] = listed.kind;
    one["family"] = listed.family;
    one["name"] = listed.name;
    one["title"] = listed.title;
    one["file"] = file_of(listed, library);
    one["aliases"] = listed.aliases;
    one["sources"] = listed.sources;
    one["errors"] = report::Json::array();
    for (const Diagnostic& problem : listed.problems) {
      one["errors"].push_back(report::to_json(problem));
    }
    json["models"].push_back(std::move(one));
  }
  return json;
}

// `name` may say its kind: "guest/none".
bool is_called(const Listed& listed, const std::string& name) {
  const std::string plain =
      name.starts_with(listed.kind + "/") ? name.substr(listed.kind.size() + 1) : name;
  return listed.name == plain ||
         std::find(listed.aliases.begin(), listed.aliases.end(), plain) != listed.aliases.end();
}

Result<Listed, Diagnostics> find_listed(const std::vector<Listed>& all, const std::string& name) {
  std::vector<Listed> found;
  std::vector<std::string> names, choices;
  for (const Listed& listed : all) {
    names.push_back(listed.name);
    if (!is_called(listed, name)) continue;
    found.push_back(listed);
    choices.push_back(listed.kind + "/" + listed.name);
  }
  if (found.size() == 1) return found[0];
  if (found.empty()) return Diagnostics{unknown_word({}, "model", name, names)};
  return Diagnostics{{{}, "several models are called '" + name + "'", list_of(choices), ""}};
}

ExitStatus show_cpu(const Listed& listed) {
  const auto documents = yaml::load_file(listed.file);
  if (!documents.ok()) {
    print_error(report::print_diagnostics(documents.error(), style_of_error()));
    return ExitStatus::kBadInput;
  }
  for (const yaml::Node& document : documents.value()) {
    print(report::print_cpu(document, style_of_output()));
  }
  return ExitStatus::kAsExpected;
}

ExitStatus show_rules(models::Library& library, const std::vector<Listed>& all,
                      const Listed& listed, const Options& options) {
  const auto kind = rules::model_kind_named(listed.kind);
  const report::Style style = style_of_output();
  if (!options.facts && !options.draw) {
    const auto model = library.model(*kind, {listed.name, {}});
    if (!model.ok()) return print_bad_input(model.error(), options);
    print(report::print_rows(model.value(), style));
    return ExitStatus::kAsExpected;
  }
  const auto model = checked_with_peer(library, all, *kind, listed.name, options.peer);
  if (!model.ok()) return print_bad_input(model.error(), options);
  print(options.draw ? rules::draw(model.value())
                     : report::print_facts(rules::catalogue(model.value()), style));
  return ExitStatus::kAsExpected;
}

// An overlay's rows are part of models; its file is the shortest way to read it.
ExitStatus show_proposal(models::Library& library, const Listed& listed, const Options& options) {
  const auto overlay = library.overlay({listed.name, {}});
  if (!overlay.ok()) return print_bad_input(overlay.error(), options);
  std::string text = style_of_output().strong(listed.name) + "\n" + file_of(listed, library) + "\n";
  if (!overlay.value().text.empty()) text += overlay.value().text + "\n";
  if (!overlay.value().source.empty()) text += "Source: " + overlay.value().source + "\n";
  for (const auto& [kind, base] : overlay.value().base) {
    text += "Written on " + std::string(rules::name_of(kind)) + " " + base.text + "\n";
  }
  print(text);
  return ExitStatus::kAsExpected;
}

}  // namespace

ExitStatus models_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  models::Library library(root.value());
  const std::vector<Listed> all = library.list();
  if (options.name.empty()) {
    print(options.format == Format::kJson ? report::dump(list_json(all, library), 1) + "\n"
                                          : list_text(all, library, style_of_output()));
    return ExitStatus::kAsExpected;
  }
  const auto listed = find_listed(all, options.name);
  if (!listed.ok()) return print_bad_input(listed.error(), options);
  if (!listed.value().problems.empty()) return print_bad_input(listed.value().problems, options);
  if (options.format == Format::kJson) {
    print(report::dump(list_json({listed.value()}, library), 1) + "\n");
    return ExitStatus::kAsExpected;
  }
  if (listed.value().kind == "cpu") return show_cpu(listed.value());
  if (listed.value().kind == "proposal") return show_proposal(library, listed.value(), options);
  return show_rules(library, all, listed.value(), options);
}

}  // namespace nptsim::cli
