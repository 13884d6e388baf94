#include "sim/cli/forked_work.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include "sim/base/bug.h"
#include "sim/cli/interrupt.h"

namespace nptsim::cli {
namespace {

using Work = std::function<ForkedAnswer(std::size_t)>;

// What a child writes for each item. Small enough to be written in one go.
struct Note {
  std::uint64_t item;
  std::uint32_t end, detail;
};

void write_note(int pipe, const Note& note) {
  if (write(pipe, &note, sizeof note) != sizeof note) _exit(1);
}

// Never returns. What it prints is nobody's business: it may be stopped by a check of ours.
[[noreturn]] void be_child(int pipe, const std::vector<std::size_t>& items, const Work& work) {
  const int nowhere = open("/dev/null", O_WRONLY);
  if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
  for (const std::size_t item : items) {
    if (interrupted()) break;
    const ForkedAnswer answer = work(item);
    write_note(pipe, {item, answer.end, answer.detail});
  }
  _exit(0);
}

class Worker {
 public:
  Worker(std::vector<std::size_t> items, const Work& work) : left_(std::move(items)), work_(work) {
    start();
  }

  int pipe() const { return pipe_; }
  bool working() const { return pipe_ >= 0; }

  // Reads what has come, or finds the child at its end.
  template <class Done>
  void listen(Done&& done) {
    Note note;
    const ssize_t size = read(pipe_, &note, sizeof note);
    if (size < 0 && errno == EINTR) return;
    if (size != sizeof note) return end(done);
    left_.erase(left_.begin());
    done(note.item, ForkedAnswer{note.end, note.detail, false});
  }

 private:
  void start() {
    if (left_.empty()) return;
    int ends[2];
    NPTSIM_CHECK(::pipe(ends) == 0);
    child_ = fork();
    NPTSIM_CHECK(child_ >= 0);
    if (child_ == 0) {
      close(ends[0]);
      be_child(ends[1], left_, work_);
    }
    close(ends[1]);
    pipe_ = ends[0];
  }

  // The item under way has stopped the child; another one goes on behind it.
  template <class Done>
  void end(Done&& done) {
    close(pipe_);
    pipe_ = -1;
    while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (interrupted()) return;
    if (!left_.empty()) {
      const std::size_t item = left_.front();
      left_.erase(left_.begin());
      done(item, ForkedAnswer{0, 0, true});
    }
    start();
  }

  std::vector<std::size_t> left_;
  const Work& work_;
  pid_t child_ = -1;
  int pipe_ = -1;
};

}  // namespace

void work_in_processes(std::size_t count, unsigned jobs, const Work& work,
                       const std::function<void(std::size_t, const ForkedAnswer&)>& done) {
  const std::size_t wanted = jobs != 0 ? jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::vector<std::size_t>> shares(std::min(wanted, std::max<std::size_t>(count, 1)));
  for (std::size_t i = 0; i < count; ++i) shares[i % shares.size()].push_back(i);
  std::vector<Worker> workers;
  workers.reserve(shares.size());
  for (std::vector<std::size_t>& share : shares) workers.emplace_back(std::move(share), work);
  for (;;) {
    std::vector<pollfd> pipes;
    for (const Worker& worker : workers) {
      if (worker.working()) pipes.push_back({worker.pipe(), POLLIN, 0});
    }
    if (pipes.empty()) return;
    if (poll(pipes.data(), pipes.size(), -1) < 0) continue;  // a signal; the children see it, too
    for (const pollfd& one : pipes) {
      if (one.revents == 0) continue;
      for (Worker& worker : workers) {
        if (worker.pipe() == one.fd) {
          worker.listen(done);
          break;
        }
      }
    }
  }
}

}  // namespace nptsim::cli
