#include "sim/yaml/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>

namespace nptsim::yaml {
namespace {

class FileDescriptor {
 public:
  // Without O_NONBLOCK a FIFO that takes the file's place would make us wait for ever.
  explicit FileDescriptor(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Diagnostic about(const std::string& path, std::string found, std::string accepted = "") {
  return {{path, 0, 0}, std::move(found), std::move(accepted), ""};
}

std::string reason(int error) {
  switch (error) {
    case ENOENT:
      return "no such file";
    case ENOTDIR:
      return "no such file: a part of the path is not a folder";
    case EACCES:
    case EPERM:
      return "the file may not be read (permission denied)";
    case ELOOP:
      return "too many symbolic links";
    case ENAMETOOLONG:
      return "the path is too long";
    default:
      return "the file cannot be read (error number " + std::to_string(error) + ")";
  }
}

std::string size_text(std::uintmax_t bytes) {
  constexpr std::uintmax_t kMiB = std::uintmax_t{1} << 20;
  if (bytes >= kMiB) return std::to_string(bytes / kMiB) + " MiB";
  return std::to_string(bytes) + " bytes";
}

std::optional<Diagnostic> judge(const std::string& path, const struct stat& info,
                                std::size_t max_bytes) {
  if (S_ISDIR(info.st_mode)) return about(path, "this is a folder", "a file");
  if (!S_ISREG(info.st_mode)) {
    return about(path, "this is a pipe, socket or device", "an ordinary file");
  }
  if (static_cast<std::uintmax_t>(info.st_size) > max_bytes) {
    return about(path, "the file has " + size_text(static_cast<std::uintmax_t>(info.st_size)),
                 file_size_rule(max_bytes));
  }
  return std::nullopt;
}

}  // namespace

std::string file_size_rule(std::size_t max_bytes) {
  return "a file of at most " + size_text(max_bytes);
}

Result<std::string, Diagnostic> read_source_file(const std::string& path, std::size_t max_bytes) {
  if (path.find('\0') != std::string::npos) return about(path, "the path contains a NUL");
  // Asked before opening, because opening a device may already do something to it.
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return about(path, reason(errno));
  if (auto wrong = judge(path, info, max_bytes)) return *wrong;
  const FileDescriptor file(path);
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) return about(path, reason(errno));
  if (auto wrong = judge(path, info, max_bytes)) return *wrong;

  std::string text;
  char buffer[1 << 14];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return about(path, reason(errno));
    text.append(buffer, static_cast<std::size_t>(got));
    // Files of /proc say that they are empty, and a file may grow while it is read.
    if (text.size() > max_bytes) {
      return about(path, "the file is too long", file_size_rule(max_bytes));
    }
  }
}

}  // namespace nptsim::yaml
