// String instructions. One call is one element: with a rep prefix one iteration, after which the
// instruction either goes on (rIP stays, kIteration) or retires.
#include "sim/isa/alu.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

u64 pointer(const Execution& x, unsigned index) { return x.gpr(index, x.insn.address_size); }

// To the next element, or the previous one with DF.
void advance(Execution& x, unsigned index) {
  const u64 step = x.flag(kFlagDf) ? 0 - u64{x.size()} : x.size();
  x.set_gpr(index, x.insn.address_size, pointer(x, index) + step);
}

// The source side may have a segment override, the destination side is always ES.
bool load_source(Execution& x, u64& value) {
  return x.load(x.insn.memory.segment, pointer(x, kRsi), x.size(), value);
}
bool load_destination(Execution& x, u64& value) {
  return x.load(kEs, pointer(x, kRdi), x.size(), value);
}
bool store_destination(Execution& x, u64 value) {
  return x.store(kEs, pointer(x, kRdi), x.size(), value);
}

bool movs_once(Execution& x) {
  u64 value = 0;
  if (!load_source(x, value) || !store_destination(x, value)) return false;
  advance(x, kRsi);
  advance(x, kRdi);
  return true;
}

bool stos_once(Execution& x) {
  if (!store_destination(x, x.gpr(kRax, x.size()))) return false;
  advance(x, kRdi);
  return true;
}

bool lods_once(Execution& x) {
  u64 value = 0;
  if (!load_source(x, value)) return false;
  x.set_gpr(kRax, x.size(), value);
  advance(x, kRsi);
  return true;
}

bool cmps_once(Execution& x) {
  u64 source = 0, destination = 0;
  if (!load_source(x, source) || !load_destination(x, destination)) return false;
  x.set_flags(kArithmeticFlags, subtract_with_borrow(source, destination, false, x.size()).flags);
  advance(x, kRsi);
  advance(x, kRdi);
  return true;
}

bool scas_once(Execution& x) {
  u64 destination = 0;
  if (!load_destination(x, destination)) return false;
  const u64 accumulator = x.gpr(kRax, x.size());
  x.set_flags(kArithmeticFlags,
              subtract_with_borrow(accumulator, destination, false, x.size()).flags);
  advance(x, kRdi);
  return true;
}

// REPE and REPNE end CMPS and SCAS early; the others know only REP (APM vol. 3, 1.2.6).
enum class Ends : bool { kByCount, kByCountOrZf };

bool goes_on(const Execution& x, Ends ends) {
  if (pointer(x, kRcx) == 0) return false;
  return ends == Ends::kByCount || x.flag(kFlagZf) == (x.insn.repeat == Repeat::kRep);
}

template <bool (*kOnce)(Execution&), Ends kEnds>
Outcome string(Execution& x) {
  if (x.insn.repeat == Repeat::kNone) return kOnce(x) ? x.retire() : x.failed();
  if (pointer(x, kRcx) == 0) return x.retire();
  if (!kOnce(x)) return x.failed();
  x.set_gpr(kRcx, x.insn.address_size, pointer(x, kRcx) - 1);
  return goes_on(x, kEnds) ? x.iterate() : x.retire();
}

constexpr Semantics kMovs = string<movs_once, Ends::kByCount>;
constexpr Semantics kStos = string<stos_once, Ends::kByCount>;
constexpr Semantics kLods = string<lods_once, Ends::kByCount>;
constexpr Semantics kCmps = string<cmps_once, Ends::kByCountOrZf>;
constexpr Semantics kScas = string<scas_once, Ends::kByCountOrZf>;

// The SSE instructions that share the names MOVSD and CMPSD have visible operands and are kept out
// by decode().
constexpr Row kStringsRows[] = {
    {ZYDIS_MNEMONIC_MOVSB, kMovs}, {ZYDIS_MNEMONIC_MOVSW, kMovs}, {ZYDIS_MNEMONIC_MOVSD, kMovs},
    {ZYDIS_MNEMONIC_MOVSQ, kMovs}, {ZYDIS_MNEMONIC_STOSB, kStos}, {ZYDIS_MNEMONIC_STOSW, kStos},
    {ZYDIS_MNEMONIC_STOSD, kStos}, {ZYDIS_MNEMONIC_STOSQ, kStos}, {ZYDIS_MNEMONIC_LODSB, kLods},
    {ZYDIS_MNEMONIC_LODSW, kLods}, {ZYDIS_MNEMONIC_LODSD, kLods}, {ZYDIS_MNEMONIC_LODSQ, kLods},
    {ZYDIS_MNEMONIC_CMPSB, kCmps}, {ZYDIS_MNEMONIC_CMPSW, kCmps}, {ZYDIS_MNEMONIC_CMPSD, kCmps},
    {ZYDIS_MNEMONIC_CMPSQ, kCmps}, {ZYDIS_MNEMONIC_SCASB, kScas}, {ZYDIS_MNEMONIC_SCASW, kScas},
    {ZYDIS_MNEMONIC_SCASD, kScas}, {ZYDIS_MNEMONIC_SCASQ, kScas},
};

}  // namespace

std::span<const Row> string_rows() { return kStringsRows; }

}  // namespace nptsim::isa
