#include "sim/rules/step_check.h"

#include <algorithm>

namespace nptsim::rules {
namespace {

class StepCheck {
 public:
  StepCheck(const Resolved& resolved, Diagnostics& out) : r_(resolved), out_(out) {}

  void check() {
    for (const ResolvedProcedure& procedure : r_.procedures) check_rows(procedure.rows, false);
    check_recursion();
  }

 private:
  void check_rows(const std::vector<ResolvedRow>& rows, bool in_each) {
    for (const ResolvedRow& row : rows) {
      check_wait(row);
      if (row.row->loop == LoopKind::kNone) continue;
      check_loop(row);
      const bool each = row.row->loop == LoopKind::kEach;
      if (each && in_each) {
        fail(row, "row '" + row.row->id.text + "' is an `each` inside an `each`",
             "a frame has one cursor: let the inner one be a procedure of its own");
      }
      check_rows(row.rows, in_each || each);
    }
  }

  void check_wait(const ResolvedRow& row) {
    if (row.wait.empty()) return;
    const bool may_change = std::any_of(row.wait.begin(), row.wait.end(), [&](const FactTest& t) {
      return t.fact != kResultFact && !r_.fact(t.fact).stable();
    });
    if (!may_change) {
      fail(row,
           "row '" + row.row->id.text + "' waits for '" + r_.fact_name(row.wait[0].fact) +
               "', which does not change while it waits",
           "");
    }
  }

  void check_loop(const ResolvedRow& row) {
    if (row.row->new_step) return;
    const bool inside = std::any_of(row.rows.begin(), row.rows.end(), [](const ResolvedRow& one) {
      return one.row->new_step && one.when.empty() && one.row->loop == LoopKind::kNone;
    });
    if (inside) return;
    fail(row,
         "row '" + row.row->id.text +
             "' is a loop without a step of its own, so a step might never end",
         "put `step: new` on it, or on a row inside that has no `when`");
  }

  struct Edge {
    std::size_t to;
    const ResolvedRow* row;
  };

  // Calls that happen in the step in which the procedure was entered.
  void collect_edges(const std::vector<ResolvedRow>& rows, bool& stepped,
                     std::vector<Edge>& edges) const {
    for (const ResolvedRow& row : rows) {
      if (row.row->new_step && row.when.empty() && row.row->loop == LoopKind::kNone) stepped = true;
      if (row.row->go == Go::kCall && !row.row->new_step && !stepped) {
        edges.push_back({row.target, &row});
      }
      bool inner = stepped || row.row->new_step;
      collect_edges(row.rows, inner, edges);
    }
  }

  void check_recursion() {
    const std::size_t count = r_.procedures.size();
    edges_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      bool stepped = false;
      collect_edges(r_.procedures[i].rows, stepped, edges_[i]);
    }
    state_.assign(count, 0);
    for (std::size_t i = 0; i < count; ++i) {
      if (state_[i] == 0) search(i);
    }
  }

  // Depth first, without recursion of ours: procedures may be many.
  void search(std::size_t start) {
    struct Place {
      std::size_t procedure;
      std::size_t next;
    };
    std::vector<Place> path = {{start, 0}};
    state_[start] = 1;
    while (!path.empty()) {
      Place& top = path.back();
      if (top.next == edges_[top.procedure].size()) {
        state_[top.procedure] = 2;
        path.pop_back();
        continue;
      }
      const Edge edge = edges_[top.procedure][top.next++];
      if (state_[edge.to] == 0) {
        state_[edge.to] = 1;
        path.push_back({edge.to, 0});
      } else if (state_[edge.to] == 1) {
        std::string chain;
        bool on = false;
        for (const Place& place : path) {
          on |= place.procedure == edge.to;
          if (on) chain += "'" + name(place.procedure) + "' calls ";
        }
        fail(*edge.row,
             "row '" + edge.row->row->id.text +
                 "' makes a circle of calls without a step: " + chain + "'" + name(edge.to) + "'",
             "put `step: new` on one of the calls");
      }
    }
  }

  const std::string& name(std::size_t procedure) const {
    return r_.procedures[procedure].procedure->name.text;
  }

  void fail(const ResolvedRow& row, std::string found, std::string suggestion) {
    out_.push_back({row.row->origin.pos, std::move(found), "", std::move(suggestion)});
  }

  const Resolved& r_;
  Diagnostics& out_;
  std::vector<std::vector<Edge>> edges_;
  std::vector<int> state_;  // 0 not seen, 1 on the path, 2 done
};

}  // namespace

void check_steps(const Resolved& resolved, Diagnostics& out) { StepCheck(resolved, out).check(); }

}  // namespace nptsim::rules
