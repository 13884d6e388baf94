#include "sim/cli/golden_files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "sim/report/golden.h"

namespace nptsim::cli {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

Diagnostics cannot_write(const std::string& path) {
  return {{{path, 0, 0}, "cannot be written: " + std::string(std::strerror(errno)), "", ""}};
}

std::vector<report::PointResult*> results_of(const std::string& file, report::Report& report) {
  std::vector<report::PointResult*> results;
  for (report::PointResult& result : report.results) {
    if (result.file == file) results.push_back(&result);
  }
  return results;
}

}  // namespace

Diagnostics write_atomically(const std::string& path, std::string_view text) {
  const std::string draft = path + ".new";
  std::FILE* file = std::fopen(draft.c_str(), "wb");
  if (file == nullptr) return cannot_write(path);
  bool good = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  good = std::fflush(file) == 0 && good;
  good = fsync(fileno(file)) == 0 && good;
  good = std::fclose(file) == 0 && good;
  good = good && std::rename(draft.c_str(), path.c_str()) == 0;
  if (good) return {};
  const Diagnostics diagnostics = cannot_write(path);
  std::remove(draft.c_str());
  return diagnostics;
}

bool has_golden(const std::string& scenario_file) {
  std::error_code error;
  return std::filesystem::exists(report::golden_path(scenario_file), error);
}

void compare_with_golden_file(const std::string& scenario_file, report::Report& report) {
  const std::string path = report::golden_path(scenario_file);
  const auto text = read_file(path);
  if (!text) return;
  const auto golden = report::read_golden(*text, path);
  if (!golden.ok()) return append(report.diagnostics, golden.error());
  std::vector<report::PointResult> gone;
  report::compare_with_golden(golden.value(), scenario_file, results_of(scenario_file, report),
                              gone);
  for (report::PointResult& result : gone) report.results.push_back(std::move(result));
}

void promote(const std::string& scenario_file, report::Report& report) {
  std::vector<const report::PointResult*> results;
  for (const report::PointResult* result : results_of(scenario_file, report)) {
    results.push_back(result);
  }
  const std::string path = report::golden_path(scenario_file);
  const std::string text = report::golden_text(results);
  if (read_file(path) == text) return;
  const Diagnostics diagnostics = write_atomically(path, text);
  if (diagnostics.empty()) {
    report.promoted.push_back(path);
  } else {
    append(report.diagnostics, diagnostics);
  }
}

}  // namespace nptsim::cli
