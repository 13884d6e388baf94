// Files: which are scenarios, and which are like which.
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sim/scenario/find.h"
#include "sim/scenario/load.h"
#include "tests/scenario/support.h"

namespace nptsim::scenario {
namespace {

class Folder {
 public:
  Folder() {
    const char* base = std::getenv("TEST_TMPDIR");
    path_ = std::string(base == nullptr ? "/tmp" : base) + "/nptsim-files-XXXXXX";
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file.string();
  }
  const std::string& path() const { return path_; }

  // Found paths and messages, without the part that differs from run to run.
  std::string local(std::string text) const {
    for (std::size_t at = text.find(path_); at != std::string::npos; at = text.find(path_)) {
      text.erase(at, path_.size() + 1);
    }
    return text;
  }

  std::string errors(const std::string& file) const {
    const Loaded loaded = load_file(file);
    return loaded ? "" : local(all(loaded.error()));
  }

 private:
  std::string path_;
};

std::string found(const Folder& folder, const std::vector<std::string>& paths) {
  const auto files = find_files(paths);
  if (!files) return folder.local(all(files.error()));
  std::string text;
  for (const std::string& file : files.value()) text += folder.local(file) + " ";
  return text;
}

TEST_CASE("a folder gives its scenarios in the order of bytes") {
  const Folder folder;
  for (const char* name :
       {"b/z.yaml", "b/a.yaml", "B.yaml", "a.yaml", "a.golden.yaml", "base.yaml", "b/x.base.yaml",
        ".hidden.yaml", ".git/x.yaml", "notes.md", "a/b.yaml", "a-1.yaml"}) {
    folder.write(name, "");
  }
  CHECK(found(folder, {folder.path()}) == "B.yaml a-1.yaml a.yaml a/b.yaml b/a.yaml b/z.yaml ");
}

TEST_CASE("files in the order given, each once") {
  const Folder folder;
  const std::string b = folder.write("b.yaml", "");
  const std::string base = folder.write("x/base.yaml", "");
  folder.write("a.yaml", "");
  CHECK(found(folder, {base, b, folder.path(), folder.path() + "/./b.yaml"}) ==
        "x/base.yaml b.yaml a.yaml ");
}

TEST_CASE("what is not there is told") {
  const Folder folder;
  std::filesystem::create_directories(folder.path() + "/empty");
  CHECK(found(folder, {folder.path() + "/x.yaml", folder.path() + "/empty", ""}) ==
        "x.yaml: error: no such file or folder (accepted: scenario files and folders)\n"
        "empty: error: there is no scenario in the folder (accepted: files named *.yaml)\n"
        "error: no such file or folder (accepted: scenario files and folders)\n");
}

TEST_CASE("a scenario like another one") {
  const Folder folder;
  folder.write("base.yaml", small("expect: { vcpu0: { outcome: waits }, seen_by: vmm }\n"));
  const std::string machine = folder.write(
      "t/machine.yaml",
      "nptsim: 1\nname: other kernel\nlike: ../base.yaml\nmachine: { kernel: kvm-6.8 }\n"
      "memory: { flash: ~ }\nexpect: { seen_by: kernel }\n");
  const std::string program =
      folder.write("t/program.yaml",
                   "nptsim: 1\nname: other program\nlike: ../base.yaml\nprogram: { vcpu0: hlt }\n");

  const Loaded first = load_file(machine);
  REQUIRE(first.ok());
  const Scenario& like = first.value()[0];
  CHECK(like.name == "other kernel");
  CHECK(like.vm.machine.cpu.value == "milan");
  CHECK(like.vm.machine.kernel.value == "kvm-6.8");
  CHECK(like.vm.memory.size() == 1);
  CHECK(like.expect[0].expectation.vcpus.at("vcpu0").outcome->value == "waits");
  CHECK(like.expect[0].expectation.seen_by->value == "kernel");

  // What was claimed of the other program is not claimed of this one.
  const Loaded second = load_file(program);
  REQUIRE(second.ok());
  CHECK(second.value()[0].expect.empty());
  CHECK(second.value()[0].vm.memory.size() == 2);
}

TEST_CASE("a document may be like the first one of its own file") {
  const Folder folder;
  const std::string file =
      folder.write("a.yaml", small() + "---\nname: two\nlike: a.yaml\nset: { vcpus: 2 }\n");
  const Loaded loaded = load_file(file);
  REQUIRE(loaded.ok());
  CHECK(loaded.value()[1].name == "two");
  CHECK(loaded.value()[1].vm.machine.vcpus.value == 2);
}

TEST_CASE("likeness that comes back to itself") {
  const Folder folder;
  const std::string a = folder.write("a.yaml", "nptsim: 1\nname: a\nlike: b.yaml\n");
  folder.write("b.yaml", "nptsim: 1\nname: b\nlike: ./c/../a.yaml\n");
  CHECK(folder.errors(a) ==
        "b.yaml:3:7: error: like: './c/../a.yaml' comes back to itself: a.yaml -> b.yaml -> a.yaml "
        "(accepted: a chain that ends)\n");
  const std::string self = folder.write("self.yaml", "nptsim: 1\nname: s\nlike: self.yaml\n");
  CHECK(folder.errors(self) ==
        "self.yaml:3:7: error: like: 'self.yaml' comes back to itself: self.yaml -> self.yaml "
        "(accepted: a chain that ends)\n");
}

TEST_CASE("chains and repetitions have their limits") {
  const Folder folder;
  for (int i = 0; i < 30; ++i) {
    folder.write(std::to_string(i) + ".yaml",
                 "nptsim: 1\nname: x\nlike: " + std::to_string(i + 1) + ".yaml\n");
  }
  CHECK(folder.errors(folder.path() + "/0.yaml") ==
        "15.yaml:3:7: error: like: a chain of more than 16 files (accepted: a shorter chain)\n");

  std::string base = small("start:\n  pages:\n");
  for (int i = 0; i < 10000; ++i) base += "    - { gpa: 0, state: shared }\n";
  folder.write("large.yaml", base);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "---\nlike: large.yaml\n";
  CHECK(folder.errors(folder.write("many.yaml", many))
            .find("error: like: more than 400000 values in all") != std::string::npos);
}

}  // namespace
}  // namespace nptsim::scenario
