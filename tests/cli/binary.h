// The real binary, run in a folder of its own.
#ifndef NPTSIM_TESTS_CLI_BINARY_H_
#define NPTSIM_TESTS_CLI_BINARY_H_

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace nptsim::cli {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

struct Ran {
  int status = -1;
  std::string out;
  std::string error;
};

class Binary {
 public:
  Binary() {
    const char* scratch = std::getenv("TEST_TMPDIR");
    folder_ = std::filesystem::path(scratch != nullptr ? scratch : "/tmp") /
              ("cli-" + std::to_string(getpid()) + "-" + std::to_string(++count()));
    std::filesystem::create_directories(folder_);
  }
  ~Binary() { std::filesystem::remove_all(folder_); }
  Binary(const Binary&) = delete;
  Binary& operator=(const Binary&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  bool has(const std::string& name) const { return std::filesystem::exists(folder_ / name); }
  std::string read(const std::string& name) const { return read_text(folder_ / name); }

  // `arguments` as a shell reads them; `before` are settings of the environment or a `cd`.
  Ran run(const std::string& arguments, const std::string& before = "") const {
    const std::string out = (folder_ / ".out").string(), error = (folder_ / ".error").string();
    const std::string command = "cd '" + folder_.string() + "' && " + before + " '" + path() +
                                "' " + arguments + " >'" + out + "' 2>'" + error + "' </dev/null";
    const int status = std::system(command.c_str());
    Ran ran;
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ran.out = read_text(out);
    ran.error = read_text(error);
    return ran;
  }

  // Bazel starts a test in the folder below which its files lie as in the project.
  static std::string root() { return std::filesystem::current_path().string(); }
  static std::string path() { return root() + "/sim/cli/nptsim"; }

 private:
  static unsigned& count() {
    static unsigned value = 0;
    return value;
  }
  std::filesystem::path folder_;
};

}  // namespace nptsim::cli

#endif  // NPTSIM_TESTS_CLI_BINARY_H_
