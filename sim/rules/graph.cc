#include "sim/rules/graph.h"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <string>

#include "sim/rules/resolved.h"

namespace nptsim::rules {
namespace {

enum class NodeKind : std::uint8_t { kProcedure, kRow, kStage, kStageRow, kAnswer, kOutside };

struct Node {
  NodeKind kind = NodeKind::kRow;
  std::string id;  // in the drawing
  std::string label;
  SourcePos pos;
  bool exported = false;
};
struct Edge {
  std::string label;
};

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, Node, Edge>;
using Vertex = boost::graph_traits<Graph>::vertex_descriptor;

class GraphBuilder {
 public:
  GraphBuilder(const Resolved& resolved, Graph& graph) : r_(resolved), graph_(graph) {}

  void build() {
    for (const ResolvedStage& stage : r_.stages) add_stage(stage);
    for (const ResolvedProcedure& procedure : r_.procedures) {
      const std::string& name = procedure.procedure->name.text;
      procedures_.push_back(add({NodeKind::kProcedure, "procedure:" + name, name,
                                 procedure.procedure->name.pos, procedure.exported}));
    }
    for (std::size_t i = 0; i < r_.procedures.size(); ++i) {
      add_rows(r_.procedures[i].rows, {procedures_[i]});
    }
  }

 private:
  using Ends = std::vector<Vertex>;  // from where the next row is reached

  Vertex add(Node node) { return boost::add_vertex(std::move(node), graph_); }
  void link(Vertex from, Vertex to, std::string label = "") {
    boost::add_edge(from, to, Edge{std::move(label)}, graph_);
  }

  void add_stage(const ResolvedStage& stage) {
    const std::string& name = stage.stage->name.text;
    const Vertex top = add({NodeKind::kStage, "stage:" + name, name, stage.stage->name.pos, false});
    stages_.push_back(top);
    std::map<std::string, Vertex> answers;
    for (const ResolvedRow& row : stage.rows) {
      const Vertex at = add({NodeKind::kStageRow, "row:" + row.row->id.text, label_of(row),
                             row.row->origin.pos, false});
      link(top, at);
      auto answer = answers.find(row.answer.word);
      if (answer == answers.end()) {
        const Vertex vertex = add({NodeKind::kAnswer, "answer:" + name + ":" + row.answer.word,
                                   row.answer.word, row.row->origin.pos, false});
        answer = answers.emplace(row.answer.word, vertex).first;
      }
      link(at, answer->second);
    }
  }

  static std::string label_of(const ResolvedRow& row) {
    std::string label = row.row->id.text;
    for (const ActionUse& use : row.row->actions) label += "\n" + use.name.text;
    return label;
  }

  std::string conditions_of(const ResolvedRow& row) const {
    std::string text;
    for (const Condition& condition : row.row->when) {
      if (!text.empty()) text += "\n";
      text += condition.fact.text + (condition.inverted ? ": not " : ": ");
      for (std::size_t i = 0; i < condition.values.size(); ++i) {
        text += (i == 0 ? "" : ", ") + condition.values[i].text;
      }
    }
    return text;
  }

  // Rows follow each other; behind a row that returns without a condition there is nothing.
  Ends add_rows(const std::vector<ResolvedRow>& rows, Ends ends) {
    for (const ResolvedRow& row : rows) {
      const Vertex at = add(
          {NodeKind::kRow, "row:" + row.row->id.text, label_of(row), row.row->origin.pos, false});
      for (const Vertex end : ends) link(end, at, conditions_of(row));
      Ends after;
      if (!row.when.empty()) after = ends;
      if (row.row->go != Go::kNowhere) link_target(row, at);
      if (row.row->loop != LoopKind::kNone) {
        const Ends inner = add_rows(row.rows, {at});
        for (const Vertex end : inner) {
          if (end != at) link(end, at, "again");
        }
        after.push_back(at);
      } else if (row.answers) {
        const std::string word = row.answer.hands_on ? "result" : row.answer.word;
        link(at, add({NodeKind::kAnswer, "answer:" + row.row->id.text, "return " + word,
                      row.row->origin.pos, false}));
      } else {
        after.push_back(at);
      }
      ends = std::move(after);
    }
    return ends;
  }

  void link_target(const ResolvedRow& row, Vertex at) {
    switch (row.row->go) {
      case Go::kDecide:
        link(at, stages_[row.target], "decide");
        break;
      case Go::kCall:
        link(at, procedures_[row.target], "call");
        break;
      default: {
        const std::string how = row.row->go == Go::kExit ? "exit" : "ioctl";
        const std::string id = how + ":" + row.row->target.text;
        auto known = outside_.find(id);
        if (known == outside_.end()) {
          const Vertex vertex =
              add({NodeKind::kOutside, id, row.row->target.text, row.row->origin.pos, false});
          known = outside_.emplace(id, vertex).first;
        }
        link(at, known->second, how);
      }
    }
  }

  const Resolved& r_;
  Graph& graph_;
  std::vector<Vertex> stages_;
  std::vector<Vertex> procedures_;
  std::map<std::string, Vertex> outside_;
};

const char* shape_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::kProcedure:
      return "box3d";
    case NodeKind::kRow:
      return "box";
    case NodeKind::kStage:
      return "diamond";
    case NodeKind::kStageRow:
      return "ellipse";
    case NodeKind::kAnswer:
      return "plaintext";
    case NodeKind::kOutside:
      return "cds";
  }
  NPTSIM_BUG("a node of no kind");
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::vector<bool> reached_in(const Graph& graph) {
  std::vector<boost::default_color_type> colors(boost::num_vertices(graph), boost::white_color);
  auto color_map =
      boost::make_iterator_property_map(colors.begin(), boost::get(boost::vertex_index, graph));
  boost::queue<Vertex> queue;
  for (Vertex v = 0; v < boost::num_vertices(graph); ++v) {
    if (!graph[v].exported || colors[v] != boost::white_color) continue;
    boost::breadth_first_visit(graph, v, queue, boost::default_bfs_visitor(), color_map);
  }
  std::vector<bool> reached;
  for (const auto color : colors) reached.push_back(color != boost::white_color);
  return reached;
}

}  // namespace

std::string draw(const Checked& checked) {
  Graph graph;
  GraphBuilder(checked.resolved(), graph).build();
  std::string out = "digraph \"" + escaped(checked.model().name) + "\" {\n";
  for (Vertex v = 0; v < boost::num_vertices(graph); ++v) {
    const Node& node = graph[v];
    out += "  n" + std::to_string(v) + " [id=\"" + escaped(node.id) + "\", label=\"" +
           escaped(node.label) + "\", shape=" + shape_of(node.kind);
    if (node.exported) out += ", penwidth=2";
    out += "];\n";
  }
  for (Vertex v = 0; v < boost::num_vertices(graph); ++v) {
    const auto [first, last] = boost::out_edges(v, graph);
    for (auto edge = first; edge != last; ++edge) {
      out += "  n" + std::to_string(v) + " -> n" + std::to_string(boost::target(*edge, graph));
      const std::string& label = graph[*edge].label;
      if (!label.empty()) out += " [label=\"" + escaped(label) + "\"]";
      out += ";\n";
    }
  }
  return out + "}\n";
}

std::vector<Unreached> unreached(const Checked& checked) {
  Graph graph;
  GraphBuilder(checked.resolved(), graph).build();
  const std::vector<bool> reached = reached_in(graph);
  std::vector<Unreached> list;
  for (Vertex v = 0; v < boost::num_vertices(graph); ++v) {
    const Node& node = graph[v];
    if (reached[v] || node.kind == NodeKind::kAnswer || node.kind == NodeKind::kOutside) continue;
    const char* what = node.kind == NodeKind::kProcedure ? "procedure"
                       : node.kind == NodeKind::kStage   ? "stage"
                                                         : "row";
    list.push_back({what, node.id.substr(node.id.find(':') + 1), node.pos});
  }
  return list;
}

}  // namespace nptsim::rules
