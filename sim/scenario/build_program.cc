// Programs to bytes: assembler text, directives as NOPs with a meaning, labels of all vCPUs.
#include <algorithm>
#include <array>
#include <span>

#include "sim/isa/assemble.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

// Labels of other vCPUs may lengthen a jump, and so move labels behind it; it settles quickly.
constexpr unsigned kMaxRounds = 10;

// A scenario's labels may have hyphens, the assembler's not.
std::string assembler_name(const std::string& label) {
  std::string name;
  for (const char c : label) name += c == '-' ? std::string("._.") : std::string(1, c);
  return name;
}

std::string assembler_text(const ProgramLine& line) {
  if (line.kind == ProgramLine::Kind::kInstruction) return line.text;
  if (line.directive.kind == Directive::Kind::kLabel) {
    return assembler_name(line.directive.name) + ":";
  }
  return "nop";
}

// What a thread assembled last: the points of a matrix mostly have the same programs, and a round
// that only looks whether labels have settled repeats the one before.
class LatestPrograms {
 public:
  Result<isa::Program, isa::AssembleError> get(const std::vector<std::string>& texts,
                                               std::uint64_t origin, isa::Mode mode,
                                               const isa::Labels& foreign) {
    for (const Entry& entry : entries_) {
      if (entry.origin == origin && entry.mode == mode && entry.texts == texts &&
          entry.foreign == foreign) {
        return entry.program;
      }
    }
    auto made = isa::assemble_program(texts, origin, mode, foreign);
    if (!made.ok()) return made;
    Entry& oldest = entries_[next_++ % entries_.size()];
    oldest = {texts, origin, mode, foreign, made.value()};
    return made;
  }

 private:
  struct Entry {
    std::vector<std::string> texts;
    std::uint64_t origin = 0;
    isa::Mode mode = isa::Mode::k64;
    isa::Labels foreign;
    isa::Program program;
  };
  std::array<Entry, 4> entries_;
  std::size_t next_ = 0;
};

class Assembler {
 public:
  explicit Assembler(Plan& plan) : plan_(plan) {
    for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) add_vcpu(vcpu);
  }

  bool run() {
    for (unsigned round = 0; round < kMaxRounds; ++round) {
      const std::vector<isa::Labels> before = labels_;
      for (unsigned vcpu = 0; vcpu < plan_.setup.vcpus; ++vcpu) {
        if (!assemble(vcpu)) failed_ = true;
      }
      if (failed_) return false;
      if (before == labels_) return true;
    }
    plan_.report(plan_.pos(), "the programs' jumps to each other do not settle");
    return false;
  }

  const isa::Program& program(unsigned vcpu) const { return programs_[vcpu]; }
  const isa::Labels& labels(unsigned vcpu) const { return labels_[vcpu]; }
  const std::vector<ProgramLine>& lines(unsigned vcpu) const { return *lines_[vcpu]; }

 private:
  void add_vcpu(unsigned vcpu) {
    static const std::vector<ProgramLine> kNoLines;
    const auto found = plan_.vm.programs.find(vcpu);
    lines_.push_back(found == plan_.vm.programs.end() ? &kNoLines : &found->second.lines);
    texts_.emplace_back();
    for (const ProgramLine& line : *lines_[vcpu]) texts_[vcpu].push_back(assembler_text(line));
    texts_[vcpu].push_back("hlt");  // behind the end: whoever jumps there stops
    isa::Labels labels;
    if (found != plan_.vm.programs.end()) {
      for (const Text& label : found->second.labels) {
        labels[assembler_name(label.value)] = plan_.places.code_of(vcpu).value;
      }
    }
    labels_.push_back(std::move(labels));
    programs_.emplace_back();
  }

  // The labels of the others, without those that this vCPU has itself.
  isa::Labels foreign_labels(unsigned vcpu) const {
    isa::Labels known;
    for (unsigned other = 0; other < labels_.size(); ++other) {
      if (other == vcpu) continue;
      for (const auto& [name, address] : labels_[other]) {
        if (!labels_[vcpu].contains(name)) known.emplace(name, address);
      }
    }
    return known;
  }

  bool assemble(unsigned vcpu) {
    thread_local LatestPrograms latest;
    auto result = latest.get(texts_[vcpu], plan_.places.code_of(vcpu).value, plan_.mode,
                             foreign_labels(vcpu));
    if (!result.ok()) {
      isa::AssembleError error = result.error();
      const std::vector<ProgramLine>& lines = *lines_[vcpu];
      const std::size_t index = std::min<std::size_t>(static_cast<std::size_t>(error.line),
                                                      lines.empty() ? 0 : lines.size() - 1);
      error.line = 0;
      plan_.diagnostics.push_back(
          isa::to_diagnostic(error, lines.empty() ? plan_.pos() : lines[index].pos));
      return false;
    }
    programs_[vcpu] = std::move(result).value();
    for (auto& [name, address] : labels_[vcpu]) {
      const auto found = programs_[vcpu].labels.find(name);
      if (found != programs_[vcpu].labels.end()) address = found->second;
    }
    return true;
  }

  Plan& plan_;
  std::vector<const std::vector<ProgramLine>*> lines_;
  std::vector<std::vector<std::string>> texts_;
  std::vector<isa::Labels> labels_;
  std::vector<isa::Program> programs_;
  bool failed_ = false;
};

unsigned gpr_of(const std::string& name) {
  for (const unsigned size : {8u, 4u, 2u, 1u}) {
    for (unsigned i = 0; i < isa::kGprCount; ++i) {
      if (isa::gpr_name(i, size) == name) return i;
    }
  }
  return 0;
}

// A directive's argument: a number, a label, or a region's address.
std::optional<std::uint64_t> value_of(Plan& plan, unsigned vcpu, const Argument& argument) {
  if (argument.is_number) return argument.number;
  if (const auto address = label_address(plan, vcpu, argument.text)) return address;
  std::vector<std::string> names;
  for (const machine::Region& region : plan.setup.regions) {
    if (region.name == argument.text) return region.gpa.value;
    names.push_back(region.name);
  }
  for (const auto& [label, address] : plan.setup.programs[vcpu].labels) names.push_back(label);
  plan.diagnostics.push_back(unknown_word(argument.pos, "label or region", argument.text, names));
  return std::nullopt;
}

bool take_arguments(Plan& plan, unsigned vcpu, const Directive& directive,
                    machine::Directive& out) {
  bool good = true;
  for (const Argument& argument : directive.arguments) {
    const auto value = value_of(plan, vcpu, argument);
    good &= value.has_value();
    out.arguments.push_back(value.value_or(0));
  }
  return good;
}

void take_call(Plan& plan, const ProgramLine& line, machine::Directive& out) {
  const models::LoadedModel& guest = plan.stack->guest;
  std::vector<std::string> names;
  for (const rules::Exported& exported : guest.exported) {
    names.push_back(exported.name);
    if (exported.name != line.directive.name) continue;
    out.procedure = guest.program->find_procedure(exported.name).value();
    if (out.arguments.size() == exported.locals.size()) return;
    std::string form = ".call " + exported.name;
    for (std::size_t i = 0; i < exported.locals.size(); ++i) {
      form += (i == 0 ? " " : ", ") + exported.locals[i];
    }
    plan.report(line.pos, std::to_string(out.arguments.size()) + " arguments for " + exported.name,
                form);
    return;
  }
  if (names.empty()) {
    plan.report(line.pos,
                ".call " + line.directive.name + ": the guest '" + guest.name +
                    "' has no procedures to call",
                "a guest with modelled code");
    return;
  }
  plan.diagnostics.push_back(
      unknown_word(line.pos, "procedure of the guest", line.directive.name, names));
}

using Kind = Directive::Kind;

machine::Directive::Kind machine_kind(Kind kind) {
  switch (kind) {
    case Kind::kLoad:
      return machine::Directive::Kind::kLoad;
    case Kind::kStore:
      return machine::Directive::Kind::kStore;
    case Kind::kFetch:
      return machine::Directive::Kind::kFetch;
    case Kind::kCheck:
      return machine::Directive::Kind::kCheck;
    default:
      return machine::Directive::Kind::kCall;
  }
}

machine::Directive directive_of(Plan& plan, unsigned vcpu, const ProgramLine& line) {
  const Directive& directive = line.directive;
  machine::Directive out;
  if (directive.kind == Kind::kVmpl) {
    plan.report(line.pos, ".vmpl is not modelled yet");
    return out;
  }
  out.kind = machine_kind(directive.kind);
  if (!take_arguments(plan, vcpu, directive, out)) return out;
  out.size = directive.size;
  switch (directive.kind) {
    case Kind::kCall:
      take_call(plan, line, out);
      break;
    case Kind::kFetch:
      out.size = 1;
      break;
    case Kind::kLoad:
      out.gpr = gpr_of(directive.reg);
      break;
    case Kind::kCheck:
      out.check_left = directive.name;
      out.check_relation = directive.relation;
      out.check_right = out.arguments.at(0);
      break;
    default:
      break;
  }
  return out;
}

void check_length(Plan& plan, unsigned vcpu, std::size_t size) {
  if (size <= plan.places.code_stride) return;
  const auto program = plan.vm.programs.find(vcpu);
  plan.report(
      program == plan.vm.programs.end() ? plan.pos() : program->second.pos,
      "the program of vcpu" + std::to_string(vcpu) + " has " + std::to_string(size) + " bytes",
      "at most " + std::to_string(plan.places.code_stride));
}

// RIP is the address itself there, so code has to lie where 16 bits reach.
void check_reach(Plan& plan, unsigned vcpu, std::uint64_t end) {
  constexpr std::uint64_t k64K = 0x10000;
  const std::uint64_t limit = plan.mode == isa::Mode::k16   ? k64K
                              : plan.mode == isa::Mode::k32 ? k64K << 16
                                                            : ~0ull;
  if (end <= limit) return;
  plan.report(plan.pos(), "the code of vcpu" + std::to_string(vcpu) + " ends at " + hex(end),
              "code below " + hex(limit) + " in this mode");
}

void take_program(Plan& plan, const Assembler& assembler, unsigned vcpu) {
  const isa::Program& program = assembler.program(vcpu);
  const std::uint64_t origin = plan.places.code_of(vcpu).value;
  machine::VcpuProgram& out = plan.setup.programs[vcpu];
  out.entry = origin;
  out.end = origin + program.bytes.size() - 1;  // the HLT
  plan.image.push_back({GuestPhysAddr(origin), program.bytes, false});
  check_length(plan, vcpu, program.bytes.size());
  check_reach(plan, vcpu, out.end);
}

// A line is in the program of every vCPU: any of them may come there, through a gate or a jump.
void take_lines(Plan& plan, const Assembler& assembler, unsigned vcpu,
                std::vector<machine::CodeLine>& all) {
  const std::vector<ProgramLine>& lines = assembler.lines(vcpu);
  const std::uint64_t origin = plan.places.code_of(vcpu).value;
  for (const isa::Program::Line& assembled : assembler.program(vcpu).lines) {
    if (static_cast<std::size_t>(assembled.source_line) >= lines.size()) continue;  // the HLT
    const ProgramLine& line = lines[static_cast<std::size_t>(assembled.source_line)];
    machine::CodeLine out;
    out.address = origin + assembled.offset;
    const bool directive = line.kind == ProgramLine::Kind::kDirective;
    out.text = directive ? line.text : assembled.text;
    if (directive) out.directive = directive_of(plan, vcpu, line);
    all.push_back(std::move(out));
  }
}

void take_labels(Plan& plan, const Assembler& assembler, unsigned vcpu) {
  const auto program = plan.vm.programs.find(vcpu);
  if (program == plan.vm.programs.end()) return;
  for (const Text& label : program->second.labels) {
    plan.setup.programs[vcpu].labels[label.value] =
        assembler.labels(vcpu).at(assembler_name(label.value));
  }
}

}  // namespace

std::optional<std::uint64_t> label_address(const Plan& plan, unsigned vcpu,
                                           const std::string& label) {
  const auto& programs = plan.setup.programs;
  if (const auto own = programs[vcpu].labels.find(label); own != programs[vcpu].labels.end()) {
    return own->second;
  }
  for (const machine::VcpuProgram& program : programs) {
    if (const auto found = program.labels.find(label); found != program.labels.end()) {
      return found->second;
    }
  }
  return std::nullopt;
}

void assemble_programs(Plan& plan) {
  plan.setup.programs.resize(plan.setup.vcpus);
  Assembler assembler(plan);
  if (!assembler.run()) return;
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    take_program(plan, assembler, vcpu);
    take_labels(plan, assembler, vcpu);
  }
  std::vector<machine::CodeLine> lines;
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    take_lines(plan, assembler, vcpu, lines);
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.address < b.address; });
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    plan.setup.programs[vcpu].lines = lines;
    plan.registers[vcpu].rip = plan.setup.programs[vcpu].entry;
  }
}

}  // namespace nptsim::scenario::building
