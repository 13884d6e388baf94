#include "sim/base/file_name.h"

#include <mutex>
#include <set>

namespace nptsim {
namespace {

// Never taken apart: names may be asked for while the process ends.
const std::string& kept(std::string_view name) {
  static std::mutex& mutex = *new std::mutex;
  static auto& names = *new std::set<std::string, std::less<>>;
  const std::lock_guard lock(mutex);
  auto known = names.find(name);
  if (known == names.end()) known = names.emplace(name).first;
  return *known;
}

}  // namespace

FileName::FileName(std::string_view name) : text_(name.empty() ? nullptr : &kept(name)) {}

const std::string& FileName::text() const {
  static const std::string none;
  return text_ == nullptr ? none : *text_;
}

}  // namespace nptsim
