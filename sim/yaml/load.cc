#include "sim/yaml/load.h"

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>

#include "sim/yaml/prescan.h"
#include "sim/yaml/source_file.h"
#include "sim/yaml/tree_builder.h"

namespace nptsim::yaml {
namespace {

// What people mostly meant when the library gives this message.
std::string mend(std::string_view message) {
  if (message == "illegal map value") return "a text that contains ': ' wants quotes";
  if (message == "the referenced anchor is not defined")
    return "a text that begins with '*' wants quotes";
  return "";
}

Diagnostic from_library(const YAML::Exception& error, const SourceText& source) {
  Diagnostic diagnostic{source.pos(error.mark), "this is not YAML: " + error.msg, "",
                        mend(error.msg)};
  if (error.mark.is_null()) return diagnostic;
  const std::string_view line = source.line(static_cast<std::size_t>(error.mark.line));
  const std::size_t indent = line.find_first_not_of(' ');
  if (indent != std::string_view::npos && line[indent] == '\t') {
    diagnostic.suggestion = "the line is indented with a tab; use spaces";
  }
  return diagnostic;
}

Result<std::vector<Node>, Diagnostics> parse(const SourceText& source, const Limits& limits) {
  std::istringstream stream{std::string(source.text())};
  TreeBuilder builder(source, limits);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused& refused) {
    return Diagnostics{refused.diagnostic};
  } catch (const YAML::Exception& error) {
    return Diagnostics{from_library(error, source)};
  }
  return builder.take_documents();
}

}  // namespace

Result<std::vector<Node>, Diagnostics> load_text(std::string_view text,
                                                 const std::string& file_name,
                                                 const Limits& limits) {
  Result<std::string, Diagnostic> clean = prescan(text, file_name, limits);
  if (!clean) return Diagnostics{clean.error()};
  return parse(SourceText(clean.value(), file_name), limits);
}

Result<std::vector<Node>, Diagnostics> load_file(const std::string& path, const Limits& limits) {
  Result<std::string, Diagnostic> text = read_source_file(path, limits.bytes);
  if (!text) return Diagnostics{text.error()};
  return load_text(text.value(), path, limits);
}

}  // namespace nptsim::yaml
