// Either a value or the reason why there is none. For bad input the reason is a list of Diagnostic.
#ifndef NPTSIM_SIM_BASE_RESULT_H_
#define NPTSIM_SIM_BASE_RESULT_H_

#include <utility>
#include <variant>

#include "sim/base/bug.h"

namespace nptsim {

template <class Value, class Error>
class [[nodiscard]] Result {
 public:
  Result(Value value) : either_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : either_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return either_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Asking for the side that is not there is a bug of ours.
  Value& value() & {
    NPTSIM_CHECK(ok());
    return *std::get_if<0>(&either_);
  }
  const Value& value() const& {
    NPTSIM_CHECK(ok());
    return *std::get_if<0>(&either_);
  }
  Value&& value() && {
    NPTSIM_CHECK(ok());
    return std::move(*std::get_if<0>(&either_));
  }
  const Error& error() const {
    NPTSIM_CHECK(!ok());
    return *std::get_if<1>(&either_);
  }

 private:
  std::variant<Value, Error> either_;
};

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_RESULT_H_
