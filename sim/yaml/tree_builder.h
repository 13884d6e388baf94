// Makes Nodes from the events of the YAML library's parser.
#ifndef NPTSIM_SIM_YAML_TREE_BUILDER_H_
#define NPTSIM_SIM_YAML_TREE_BUILDER_H_

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/yaml/load.h"
#include "sim/yaml/node.h"

namespace nptsim::yaml {

// Thrown through the library's parser, the only way to stop it; load.cc catches it.
struct Refused {
  Diagnostic diagnostic;
};

// The text that is parsed, as lines.
class SourceText {
 public:
  SourceText(std::string_view text, FileName file_name);

  // The library counts columns in bytes; a person counts characters.
  SourcePos pos(const YAML::Mark& mark) const;
  SourcePos pos(std::size_t offset) const;
  SourcePos pos(std::size_t line, std::size_t column_in_bytes) const;
  std::size_t offset(const YAML::Mark& mark) const;
  std::string_view line(std::size_t index) const;  // from 0; empty beyond the end
  std::size_t line_count() const { return starts_.size(); }
  std::string_view text() const { return text_; }
  FileName file_name() const { return file_name_; }

 private:
  std::string_view text_;
  FileName file_name_;
  std::vector<std::size_t> starts_;
  // The last answer: on a long line each place is counted from the one before it, not from the
  // line's start. Without effect on any result.
  struct Counted {
    std::size_t line = 0, bytes = 0, characters = 0;
  };
  mutable Counted last_;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const SourceText& source, const Limits& limits) : source_(source), limits_(limits) {}

  std::vector<Node> take_documents() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override;
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override;

 private:
  // A list or map that is not finished; in a map, the key that waits for its value.
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    std::optional<Node> key;
  };

  void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor);
  void close();
  void add(Node node, YAML::anchor_t anchor);
  void add_to_map(Open& map, Node node);
  void remember(const Node& node, YAML::anchor_t anchor);
  void charge(const Node& node, const SourcePos& pos, std::size_t depth);

  const SourceText& source_;
  const Limits& limits_;
  std::vector<Node> documents_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
  std::size_t text_bytes_ = 0;
  std::optional<std::size_t> document_line_;  // where the latest document begins
  std::size_t document_count_ = 0;
};

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_TREE_BUILDER_H_
