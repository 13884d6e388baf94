// Views for tests.
#ifndef NPTSIM_TESTS_TRACE_VIEWS_H_
#define NPTSIM_TESTS_TRACE_VIEWS_H_

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "sim/trace/read_view.h"

namespace nptsim::trace {

inline View view_of(const std::string& kernel) {
  auto view = load_view({".", kernel});
  REQUIRE_MESSAGE(view.ok(), (view.ok() ? "" : to_string(view.error()[0])));
  return std::move(view).value();
}

inline Value value_of(const View& view, const Seen& seen, const char* field) {
  const auto index = view.events()[seen.event].field(field);
  REQUIRE(index);
  return seen.values[*index];
}

}  // namespace nptsim::trace

#endif  // NPTSIM_TESTS_TRACE_VIEWS_H_
