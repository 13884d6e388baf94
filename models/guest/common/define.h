// Short forms for declaring what guests' rows may name.
#ifndef NPTSIM_MODELS_GUEST_COMMON_DEFINE_H_
#define NPTSIM_MODELS_GUEST_COMMON_DEFINE_H_

#include <string>
#include <utility>
#include <vector>

#include "models/common/define.h"
#include "sim/machine/view.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::guest {

using define::given;
using define::local_arg;
using define::value_arg;
using define::word_arg;
using machine::GuestView;
using rules::ActionResult;
using rules::Args;

// A fact that the guest can compute at any time.
template <unsigned (*compute)(const GuestView&)>
rules::FactDef fact(std::string name, std::vector<std::string> values, std::string text,
                    bool fixed = false) {
  return define::fact_in<GuestView, compute>(std::move(name), std::move(values), std::move(text),
                                             fixed);
}

// Guests are never sealed from themselves: there is one form of each action.
template <ActionResult (*act)(GuestView&, const Args&)>
rules::ActionDef action(std::string name, std::vector<rules::ArgDef> args,
                        std::vector<std::string> gives, std::string writes, std::string text) {
  return define::giving(std::move(gives),
                        define::action_in<GuestView, act>(std::move(name), std::move(args),
                                                          std::move(writes), std::move(text)));
}

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_DEFINE_H_
