// The name of an input file, as small as a pointer: every value that is read knows where it stood.
#ifndef NPTSIM_SIM_BASE_FILE_NAME_H_
#define NPTSIM_SIM_BASE_FILE_NAME_H_

#include <compare>
#include <string>
#include <string_view>

namespace nptsim {

// Equal names are kept once, until the process ends. Made from text in any thread.
class FileName {
 public:
  FileName() = default;  // no file
  // It is written as text, and read as text.
  FileName(std::string_view name);                                         // NOLINT
  FileName(const std::string& name) : FileName(std::string_view(name)) {}  // NOLINT
  FileName(const char* name) : FileName(std::string_view(name)) {}         // NOLINT
  operator const std::string&() const { return text(); }                   // NOLINT

  const std::string& text() const;
  bool empty() const { return text_ == nullptr; }

  bool operator==(const FileName& other) const { return text_ == other.text_; }
  auto operator<=>(const FileName& other) const { return text() <=> other.text(); }

 private:
  const std::string* text_ = nullptr;
};

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_FILE_NAME_H_
