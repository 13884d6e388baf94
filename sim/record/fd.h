// A file descriptor that is closed with its owner.
#ifndef NPTSIM_SIM_RECORD_FD_H_
#define NPTSIM_SIM_RECORD_FD_H_

#include <unistd.h>

#include <utility>

namespace nptsim::record {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  void reset() {
    if (fd_ >= 0) close(fd_);
  }
  int fd_ = -1;
};

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_FD_H_
