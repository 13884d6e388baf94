// One tree laid over another.
#ifndef NPTSIM_SIM_YAML_MERGE_H_
#define NPTSIM_SIM_YAML_MERGE_H_

#include "sim/yaml/node.h"

namespace nptsim::yaml {

// Maps merge key by key, at every depth; anything else of `over` takes the place of what `base`
// has. A key with nothing behind it (`flash:` or `flash: ~`) takes the key away. Keys keep the
// order of `base`, new ones follow; every value keeps the place where it is written.
Node merge(const Node& base, const Node& over);

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_MERGE_H_
