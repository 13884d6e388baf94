#include "sim/report/diff_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/report/outcome_text.h"

namespace nptsim::report {
namespace {

using Lines = std::vector<std::string>;

std::string side_text(const PartingSide& side) {
  std::string text = side.event.empty() ? "(nothing more)" : side.event;
  if (!side.rule.empty()) text += "  [" + side.rule + "]";
  return text;
}

std::string source_text(const PartingSide& side) {
  return side.source.empty() ? "" : side.source + " (" + side.evidence + ")";
}

std::string sums(const DiffReport& report) {
  const DiffSummary sum = summarize(report);
  std::string text = fmt::format("{} changed, {} the same", sum.changed, sum.same);
  if (sum.errors > 0) text += fmt::format(", {} without an answer", sum.errors);
  if (sum.invalid > 0) {
    text += fmt::format(", {} invalid, not run", sum.invalid);
  }
  if (!report.not_applicable.empty()) {
    text += fmt::format(", {} not applicable", report.not_applicable.size());
  }
  if (report.interrupted) text += "; interrupted, the rest did not run";
  return text;
}

std::string title_of(const DiffGroup& group) {
  return group.first().file + ": " + group.first().name;
}

// --- for a terminal ---

class HumanPrinter {
 public:
  HumanPrinter(const DiffReport& report, const Style& style) : report_(report), style_(style) {}

  std::string print() {
    groups_ = changed_groups(report_);
    for (const DiffGroup& group : groups_) add_group(group);
    if (groups_.size() > 1 || report_.models.size() > 2) add_matrix();
    add_left_out();
    const DiffSummary sum = summarize(report_);
    const std::string text = sums(report_);
    return out_ + (sum.changed == 0 ? style_.good(text) : style_.strong(text)) + "\n";
  }

 private:
  void line(std::size_t indent, const std::string& text) {
    out_ += std::string(indent, ' ') + printable(text) + "\n";
  }

  void add_group(const DiffGroup& group) {
    out_ += style_.strong(printable(title_of(group))) + "\n";
    if (!group.points().empty()) line(2, "[" + group.points() + "]");
    std::size_t width = 0;
    for (const DiffModel& model : report_.models) width = std::max(width, width_of(model.label));
    for (std::size_t i = 0; i < report_.models.size(); ++i) {
      const DiffCell& cell = group.first().cells[i];
      line(2, pad(report_.models[i].label, width + 2) +
                  (cell.result->run ? describe(*cell.result->run) : group.cells[i]) + harm(cell));
    }
    for (std::size_t i = 1; i < report_.models.size(); ++i) add_parting(group, i);
    out_ += "\n";
  }

  static std::string harm(const DiffCell& cell) {
    std::string text;
    if (!cell.result->run) return text;
    for (const std::string& flag : cell.result->run->harm) text += " +" + flag;
    return text;
  }

  void add_parting(const DiffGroup& group, std::size_t model) {
    const auto& parting = group.first().cells[model].parting;
    if (!parting) return;
    const std::string other =
        report_.models.size() > 2 ? " (" + report_.models[model].label + ")" : "";
    line(2, "the runs part here" + other + ":");
    add_side("-", parting->before);
    add_side("+", parting->after);
  }

  void add_side(const char* sign, const PartingSide& side) {
    const std::string text = std::string("    ") + sign + " " + printable(side_text(side));
    out_ += (*sign == '-' ? style_.bad(text) : style_.good(text)) + "\n";
    if (!side.text.empty()) {
      for (const std::string& part : wrap(side.text, 90)) line(6, part);
    }
    if (!side.source.empty()) out_ += style_.faint("      " + source_text(side)) + "\n";
  }

  void add_matrix() {
    std::vector<Lines> rows{{"scenario", "point"}};
    for (const DiffModel& model : report_.models) rows[0].push_back(model.label);
    for (const DiffGroup& group : groups_) {
      Lines row{group.first().file, group.points()};
      row.insert(row.end(), group.cells.begin(), group.cells.end());
      for (std::string& cell : row) cell = printable(cell);
      rows.push_back(std::move(row));
    }
    for (const std::string& text : table(rows)) out_ += text + "\n";
    out_ += "\n";
  }

  void add_left_out() {
    for (const DiffRow& row : report_.rows) {
      if (!row.invalid()) continue;
      const std::string point = row.point.empty() ? "" : " [" + describe(row.point) + "]";
      out_ += style_.warn("invalid") + " " + printable(row.file + ": " + row.name + point) + "\n";
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        if (!row.cells[i].result) {
          line(8, report_.models[i].label + ": " + row.cells[i].invalid);
        }
      }
    }
  }

  const DiffReport& report_;
  const Style& style_;
  std::vector<DiffGroup> groups_;
  std::string out_;
};

// --- for a mail ---

class MailPrinter {
 public:
  explicit MailPrinter(const DiffReport& report) : report_(report) {}

  std::string print() {
    groups_ = changed_groups(report_);
    add_models();
    if (!groups_.empty()) add_table();
    for (std::size_t i = 0; i < groups_.size(); ++i) add_parting(i);
    add(0, sums(report_));
    return out_;
  }

 private:
  // Words do not break, unless one of them alone is too wide.
  static Lines cut(const std::string& text, std::size_t width) {
    Lines lines;
    for (std::string line : wrap(printable(text), width)) {
      while (width_of(line) > width) {
        lines.push_back(line.substr(0, width));
        line.erase(0, width);
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }

  void add(std::size_t indent, const std::string& text, const std::string& first = "") {
    bool begins = true;
    for (const std::string& line : cut(text, kMailWidth - indent)) {
      out_ += (begins && !first.empty() ? pad(first, indent) : std::string(indent, ' ')) + line;
      out_ += "\n";
      begins = false;
    }
  }

  static std::string letter(std::size_t model) {
    return model < 26 ? std::string(1, static_cast<char>('A' + model)) : std::to_string(model + 1);
  }

  void add_models() {
    for (std::size_t i = 0; i < report_.models.size(); ++i) {
      const DiffModel& model = report_.models[i];
      add(4, model.label, letter(i));
      for (const DiffOverlay& overlay : model.overlays) {
        if (!overlay.text.empty()) add(6, overlay.text);
        if (!overlay.source.empty()) add(6, "(" + overlay.source + ")");
      }
    }
    out_ += "\n";
  }

  // Of a number, the scenario and a column for each model, two spaces between.
  static constexpr std::size_t kNumber = 2, kScenario = 12, kGap = 2;
  std::size_t column_width() const {
    constexpr std::size_t kMost = 20, kLeast = 4;
    const std::size_t each = (kMailWidth - kNumber - kGap - kScenario) / report_.models.size();
    return std::clamp(each > kGap ? each - kGap : kLeast, kLeast, kMost);
  }

  // Cells side by side, each in lines of its own.
  void add_row(const Lines& cells, const std::vector<std::size_t>& widths) {
    std::vector<Lines> columns;
    std::size_t height = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      columns.push_back(cut(cells[i], widths[i]));
      height = std::max(height, columns.back().size());
    }
    for (std::size_t at = 0; at < height; ++at) {
      std::string line;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::string part = at < columns[i].size() ? columns[i][at] : "";
        line += pad(part, widths[i] + kGap);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out_ += line + "\n";
    }
  }

  static std::string short_file(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    const std::size_t folder = slash == std::string::npos ? slash : file.rfind('/', slash - 1);
    return folder == std::string::npos ? file : file.substr(folder + 1);
  }

  void add_table() {
    const std::size_t models = report_.models.size(), column = column_width();
    const std::size_t fixed = kNumber + kGap + models * (column + kGap);
    std::vector<std::size_t> widths{kNumber, std::max(kScenario, kMailWidth - fixed)};
    widths.insert(widths.end(), models, column);
    Lines head{"#", "scenario"}, rule;
    for (std::size_t i = 0; i < models; ++i) head.push_back(letter(i));
    for (const std::size_t width : widths) rule.emplace_back(width, '-');
    add_row(head, widths);
    add_row(rule, widths);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const DiffGroup& group = groups_[i];
      const std::string points = group.points().empty() ? "" : " [" + group.points() + "]";
      Lines cells{std::to_string(i + 1), short_file(group.first().file) + points};
      cells.insert(cells.end(), group.cells.begin(), group.cells.end());
      add_row(cells, widths);
    }
    out_ += "\n";
  }

  void add_parting(std::size_t number) {
    const DiffGroup& group = groups_[number];
    add(4, group.first().name, fmt::format("{}.", number + 1));
    for (std::size_t i = 1; i < report_.models.size(); ++i) {
      const auto& parting = group.first().cells[i].parting;
      if (!parting) continue;
      add_side(letter(0), parting->before);
      add_side(letter(i), parting->after);
    }
    out_ += "\n";
  }

  void add_side(const std::string& model, const PartingSide& side) {
    add(7, side_text(side), "    " + model);
    if (!side.source.empty()) add(7, source_text(side));
  }

  const DiffReport& report_;
  std::vector<DiffGroup> groups_;
  std::string out_;
};

}  // namespace

std::string print_diff(const DiffReport& report, const Style& style) {
  return HumanPrinter(report, style).print();
}

std::string print_diff_mail(const DiffReport& report) { return MailPrinter(report).print(); }

}  // namespace nptsim::report
