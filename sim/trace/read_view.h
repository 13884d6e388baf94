// Reads trace-format.yaml.
//
//     trace_format: kvm                    # whose lines these are
//     events:
//       - event: kvm_page_fault
//         system: kvm
//         lines:                           # the last one that is not newer than the kernel holds
//           - { line: "address {gpa:x} error_code {error_code:x}", bits: { error_code: 32 },
//           source: ... }
//           - { since: kvm-6.0, line: "vcpu {vcpu:u} rip 0x{rip:x} ...", source: ... }
//         from:                            # which of the model's events it is
//           - { kind: trace, where: { event: kvm_page_fault }, give: { gpa: address, error_code:
//           error_code } }
//
// In `where:` a value of "*" says that the field is there. In `give:` a value names a field of the
// model's event; `=text` is always this text, and
// `{ of: result, words: { SUCCESS: 0 } }` says what the model's words are in the line.
//
// `fields:` are those that only recordings have; `code:` are addresses of the guest's code, which a
// scenario may place elsewhere; `untold:` lines are no part of the model, and so is the
// `followed_by:` that comes with them; `nested: yes` needs a nested hypervisor; the line of a `log:
// yes` may stand anywhere in a line; `record:` says what a field is called in a binary trace, and
// `also:` in it what other programs call a value; `other: yes` is a line that no version prints
// itself.
#ifndef NPTSIM_SIM_TRACE_READ_VIEW_H_
#define NPTSIM_SIM_TRACE_READ_VIEW_H_

#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

// Whose lines a view has: the files below a project's folder, and the versions that they are for.
struct ViewRequest {
  std::string root;
  std::string kernel;  // "kvm-6.8"; empty: the newest
};

// The lines of that kernel, of every other model, and of recordings.
Result<View, Diagnostics> load_view(const ViewRequest& request);
// One file more.
Diagnostics add_to_view(const std::string& path, const std::string& kernel, View& view);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_READ_VIEW_H_
