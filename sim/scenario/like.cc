#include "sim/scenario/like.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "sim/yaml/merge.h"

namespace nptsim::scenario {
namespace {

using yaml::Node;

constexpr std::size_t kLongestChain = 16;
constexpr std::size_t kLongestPath = 1000;
// Of all that `like:` repeats in one file: a large base under thousands of documents is a mistake.
constexpr std::size_t kMaxNodes = 400'000;

// A file has one name here, whatever way leads to it.
std::string identity(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

std::string link(const std::string& path, std::size_t index) {
  return path + (index == 0 ? "" : " (document " + std::to_string(index + 1) + ")");
}

// Full paths differ from one machine to the next, and the name is enough to find the link.
std::string short_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

Node without(const Node& map, std::initializer_list<std::string_view> keys) {
  Node rest = map;
  std::erase_if(rest.entries, [keys](const yaml::MapEntry& entry) {
    return std::find(keys.begin(), keys.end(), entry.key.text) != keys.end();
  });
  return rest;
}

}  // namespace

std::optional<Node> LikeResolver::report(const Node& like, std::string found,
                                         std::string accepted) {
  diagnostics_.push_back({like.pos, std::move(found), std::move(accepted), ""});
  return std::nullopt;
}

std::optional<Node> LikeResolver::resolve(const Node& document, const std::string& file,
                                          std::size_t index) {
  std::vector<std::string> chain = {link(identity(file), index)};
  return resolve_one(document, chain);
}

std::optional<Node> LikeResolver::resolve_one(const Node& document,
                                              std::vector<std::string>& chain) {
  const Node* like = document.find("like");
  if (like == nullptr || like->is_null()) return document;
  if (!like->is_scalar() || like->text.empty() || like->text.find('\0') != std::string::npos) {
    return report(*like, "like: " + yaml::describe(*like), "a file, relative to this one");
  }
  if (like->text.size() > kLongestPath) {
    return report(*like, "like: a path of " + std::to_string(like->text.size()) + " bytes",
                  "at most " + std::to_string(kLongestPath));
  }
  const auto folder = std::filesystem::path(like->pos.file.text()).parent_path();
  return lay_over(document, *like, (folder / like->text).lexically_normal().string(), chain);
}

std::optional<Node> LikeResolver::lay_over(const Node& document, const Node& like,
                                           const std::string& path,
                                           std::vector<std::string>& chain) {
  const std::string name = identity(path);
  if (std::find(chain.begin(), chain.end(), name) != chain.end()) {
    std::string way;
    for (const std::string& link : chain) way += short_name(link) + " -> ";
    return report(
        like,
        "like: " + yaml::quote(like.text) + " comes back to itself: " + way + short_name(name),
        "a chain that ends");
  }
  if (chain.size() >= kLongestChain) {
    return report(like, "like: a chain of more than " + std::to_string(kLongestChain) + " files",
                  "a shorter chain");
  }
  const std::shared_ptr<const Node> base = first_document(path, like);
  if (base == nullptr) return std::nullopt;
  chain.push_back(name);
  std::optional<Node> under = resolve_one(*base, chain);
  chain.pop_back();
  if (!under) return std::nullopt;
  // A claim is about one program: with another one it says nothing.
  if (document.find("program") != nullptr) *under = without(*under, {"expect", "explore", "xfail"});
  Node merged = yaml::merge(without(*under, {"like"}), without(document, {"like"}));
  nodes_ += yaml::count_nodes(merged, 64);
  if (nodes_ > kMaxNodes) {
    return report(like, "like: more than " + std::to_string(kMaxNodes) + " values in all",
                  "fewer scenarios in this file, or a smaller base");
  }
  return merged;
}

std::shared_ptr<const Node> LikeResolver::first_document(const std::string& path,
                                                         const Node& like) {
  const auto documents = files_.get(path);
  if (!documents && told_.insert(path).second) append(diagnostics_, documents.error());
  if (!documents || documents.value()->empty() || !documents.value()->front().is_map()) {
    report(like, "like: there is no scenario in " + yaml::quote(path),
           "a file, relative to this one");
    return nullptr;
  }
  return {documents.value(), &documents.value()->front()};
}

}  // namespace nptsim::scenario
