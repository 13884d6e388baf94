// A kernel of which nothing is known but what a scenario gives: `start.answers` says what it does
// at each exit. For recordings of kernels that nobody names.
#ifndef NPTSIM_MODELS_KERNEL_GIVEN_MODEL_H_
#define NPTSIM_MODELS_KERNEL_GIVEN_MODEL_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sim/base/store.h"
#include "sim/machine/setup.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::given {

const rules::Vocabulary& vocabulary();

// What an answer can be, by the word that scenarios use.
enum class Then : std::uint8_t {
  kNone,  // nothing is given
  kMap,
  kMapReadOnly,
  kMap2m,
  kAssign,
  kAssign2m,
  kPsmash,
  kMmioEntry,
  kMmio,
  kRetry,
  kSkip,
  kHalt,
  kMemoryFault,
  kMapGpaPrivate,
  kMapGpaShared,
  kInternalError,
  kShutdown,
  kInjectUd,
  kInjectGp,
  kEfault,
  kEinval,
  kEexist,
  kDone,
};
// At which of the places where a kernel is asked an answer can stand.
enum : std::uint8_t { kAtFault = 1, kAtExit = 2, kAtCall = 4 };

struct ThenWord {
  Then then = Then::kNone;
  std::string_view word;
  std::uint8_t at = 0;
  bool memory = false;     // the pages are those of a region
  bool registers = false;  // needs the guest's registers: not of an SEV-ES or SNP guest
  bool snp = false;        // changes the RMP
  bool range = false;      // at an exit: of `gpa` and `size`
};
std::span<const ThenWord> then_words();

// The calls that a VMM can make, by their names; those that are answered without being given.
std::span<const std::string_view> calls();

struct Answer {
  std::uint64_t exit = 0;             // the code; not for a call
  std::optional<std::uint32_t> call;  // index in calls()
  std::optional<GuestPhysAddr> gpa;
  std::uint64_t size = 0;
  bool read = true, write = true, fetch = true;
  std::uint64_t error = 0;  // bits of EXITINFO1 that have to be set
  std::uint32_t times = 0;  // 0: always
  Then then = Then::kNone;
};
inline constexpr std::size_t kMaxAnswers = 512;

// The list, in its order; the first that fits holds. At most kMaxAnswers.
void set_answers(Store& store, std::span<const Answer> answers);

}  // namespace nptsim::given

#endif  // NPTSIM_MODELS_KERNEL_GIVEN_MODEL_H_
