// The kernel's own records, in Space::kKernel.
#ifndef NPTSIM_MODELS_KERNEL_GIVEN_STATE_H_
#define NPTSIM_MODELS_KERNEL_GIVEN_STATE_H_

#include "models/kernel/given/model.h"
#include "sim/base/layout.h"

namespace nptsim::given {

namespace list {
inline constexpr Field kCount{"answers", 0, 63, 0, ""};
inline constexpr Field kRoot{"root", 1, 63, 0, "SPA of the nested root table"};
inline constexpr Field kFields[] = {kCount, kRoot};
inline constexpr RecordLayout kLayout{"given kernel", 4, kFields};
}  // namespace list
inline constexpr RecordArray kList{&list::kLayout, Space::kKernel, 0, 1};

// An entry of start.answers.
namespace answer {
inline constexpr Field kExit{"exit", 0, 63, 0, "code"};
inline constexpr Field kGpa{"gpa", 1, 63, 0, ""};
inline constexpr Field kSize{"size", 2, 63, 0, "bytes"};
inline constexpr Field kError{"error", 3, 63, 0, "bits of EXITINFO1 that have to be set"};
inline constexpr Field kThen{"then", 4, 7, 0, "Then"};
inline constexpr Field kRead{"for reads", 4, 8, 8, ""};
inline constexpr Field kWrite{"for writes", 4, 9, 9, ""};
inline constexpr Field kFetch{"for fetches", 4, 10, 10, ""};
inline constexpr Field kHasGpa{"says a gpa", 4, 11, 11, ""};
inline constexpr Field kCall{"call", 4, 23, 16, "index + 1; 0: an exit"};
inline constexpr Field kTimes{"times", 4, 47, 32, "0: always"};
inline constexpr Field kGiven{"given so far", 4, 63, 48, "counts up to times"};
inline constexpr Field kFields[] = {kExit,  kGpa,   kSize,   kError, kThen,  kRead,
                                    kWrite, kFetch, kHasGpa, kCall,  kTimes, kGiven};
inline constexpr RecordLayout kLayout{"answer", 8, kFields};
}  // namespace answer
inline constexpr RecordArray kAnswers{&answer::kLayout, Space::kKernel, 0x10000, kMaxAnswers};

namespace vcpu {
inline constexpr Field kAnswer{"answer", 0, 31, 0, "index + 1 of the one that holds now"};
inline constexpr Field kHasRead{"mmio.read", 0, 32, 32, "user space has answered"};
inline constexpr Field kReadData{"mmio.data", 1, 63, 0, ""};
inline constexpr Field kFields[] = {kAnswer, kHasRead, kReadData};
inline constexpr RecordLayout kLayout{"given vcpu", 4, kFields};
}  // namespace vcpu
inline constexpr RecordArray kVcpus{&vcpu::kLayout, Space::kKernel, 0x100, 64};

}  // namespace nptsim::given

#endif  // NPTSIM_MODELS_KERNEL_GIVEN_STATE_H_
