// A toy kernel for the tests: a page fault, a few slots, a lock, an emulator that needs registers.
#ifndef NPTSIM_TESTS_RULES_TOY_H_
#define NPTSIM_TESTS_RULES_TOY_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/rules/check.h"
#include "sim/rules/compile.h"
#include "sim/rules/merge.h"
#include "sim/rules/read_model.h"
#include "sim/rules/run.h"
#include "sim/rules/vocabulary.h"
#include "sim/yaml/load.h"

namespace nptsim::toy {

// Facts hold indices into their domains, see vocabulary().
struct World {
  unsigned guest = 0;  // plain, es, snp
  unsigned write = 0;
  unsigned slot = 0;  // none, rw, readonly
  unsigned lock = 0;  // free, held
  unsigned cpl = 0;
  unsigned emulation = 0;   // what the emulator will say: done, mmio, failed
  unsigned busy = 0;        // how often `touch_guest` stops before it gets through
  std::uint64_t pages = 0;  // for the iterator
  unsigned computed = 0;    // how many facts were computed
  std::vector<std::string> log;
};

class View : public rules::Context {
 public:
  explicit View(World& world) : Context(world.guest != 0), world_(&world) {}
  World& world() const { return *world_; }

 private:
  World* world_;
};

const rules::Vocabulary& vocabulary();

// Files that exist only here.
using Files = std::map<std::string, std::string>;
rules::LoadFile load_from(const Files& files);

// Rows in short: "{ id: x, ..., E }" has its source and evidence from E.
std::string expand(std::string text);

// The model of one file, `text` being what follows `kernel: toy`.
Result<rules::Model, Diagnostics> model_of(const std::string& text);
Result<rules::Checked, Diagnostics> checked_of(const std::string& text,
                                               const rules::Outside& outside = {});
// Compiled; what does not pass fails the test.
rules::Program program_of(const std::string& text, const rules::Settings& settings = {},
                          const rules::Outside& outside = {});

// All diagnostics, a line each.
std::string spell(const Diagnostics& diagnostics);
template <class T>
std::string refusal(const Result<T, Diagnostics>& result) {
  return result.ok() ? "accepted" : spell(result.error());
}

}  // namespace nptsim::toy

#endif  // NPTSIM_TESTS_RULES_TOY_H_
