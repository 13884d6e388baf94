#include "sim/yaml/tree_builder.h"

#include <algorithm>
#include <utility>

namespace nptsim::yaml {
namespace {

[[noreturn]] void refuse(SourcePos pos, std::string found, std::string accepted = "",
                         std::string suggestion = "") {
  throw Refused{{std::move(pos), std::move(found), std::move(accepted), std::move(suggestion)}};
}

// "?" is what the library says of plain text, "!" of quoted text, "" of a list or map without tag.
void check_tag(const std::string& tag, const SourcePos& pos) {
  if (tag.empty() || tag == "?" || tag == "!") return;
  refuse(pos, "the tag " + quote(tag), "values without tags");
}

std::size_t count_lines(std::string_view text) {
  const auto breaks = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  return breaks + (text.ends_with('\n') ? 0 : 1);
}

// Past "&name" and white space: the first character of the value itself.
std::size_t skip_properties(std::string_view text, std::size_t at) {
  constexpr std::string_view kBlank = " \t\n";
  for (;;) {
    at = text.find_first_not_of(kBlank, at);
    if (at == std::string_view::npos) return text.size();
    if (text[at] != '&' && text[at] != '!') return at;
    at = std::min(text.find_first_of(kBlank, at), text.size());
  }
}

// In double quotes a line of the value begins after each \n, and at each empty line of the source.
std::vector<SourcePos> lines_of_quoted(const SourceText& source, std::size_t quote_at) {
  const std::string_view text = source.text();
  std::vector<SourcePos> starts = {source.pos(quote_at + 1)};
  for (std::size_t at = quote_at + 1; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') {
      ++at;
      if (at < text.size() && text[at] == 'n') starts.push_back(source.pos(at + 1));
    } else if (text[at] == '\n') {
      const std::size_t next = text.find_first_not_of(" \t", at + 1);
      if (next != std::string_view::npos && text[next] == '\n') starts.push_back(source.pos(next));
    }
  }
  return starts;
}

// In a block of text (`|`) each line of the value is one of the source, behind the indentation.
std::vector<SourcePos> lines_of_block(const SourceText& source, std::size_t header,
                                      std::string_view value) {
  std::vector<SourcePos> starts;
  for (std::size_t begin = 0; begin < value.size();) {
    const std::size_t end = std::min(value.find('\n', begin), value.size());
    const std::string_view raw = source.line(header + 1 + starts.size());
    const std::size_t length = std::min(raw.size(), end - begin);
    starts.push_back(source.pos(header + 1 + starts.size(), raw.size() - length));
    begin = end + 1;
  }
  return starts;
}

// The library takes the end of the file for the end of a quoted text.
void check_closed(const SourceText& source, std::size_t quote_at) {
  const std::string_view text = source.text();
  const char mark = text[quote_at];
  for (std::size_t at = quote_at + 1; at < text.size(); ++at) {
    if (mark == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == mark) {
      if (mark == '"' || at + 1 == text.size() || text[at + 1] != '\'') return;
      ++at;
    }
  }
  refuse(source.pos(quote_at), "the quote that opens here is never closed");
}

std::vector<SourcePos> line_starts(const SourceText& source, std::size_t mark,
                                   const std::string& value) {
  const std::size_t at = skip_properties(source.text(), mark);
  const SourcePos begin = source.pos(at);
  const std::size_t lines = count_lines(value);
  std::vector<SourcePos> starts;
  const char style = at < source.text().size() ? source.text()[at] : ' ';
  if (style == '"' || style == '\'') check_closed(source, at);
  if (style == '"') starts = lines_of_quoted(source, at);
  if (style == '|')
    starts = lines_of_block(source, static_cast<std::size_t>(begin.line) - 1, value);
  if (style == '\'') starts = {source.pos(at + 1)};
  // Folded text has lost its lines: all we know is where it begins.
  starts.resize(lines, starts.size() == 1 ? starts.front() : begin);
  return starts;
}

std::size_t height_of(const Node& node) {
  std::size_t height = 0;
  for (const Node& item : node.items) height = std::max(height, 1 + height_of(item));
  for (const MapEntry& entry : node.entries) height = std::max(height, 1 + height_of(entry.value));
  return height;
}

struct Size {
  std::size_t nodes = 0;
  std::size_t text = 0;
};

void add_size(const Node& node, Size& size) {
  ++size.nodes;
  size.text += node.text.size();
  for (const Node& item : node.items) add_size(item, size);
  for (const MapEntry& entry : node.entries) {
    add_size(entry.key, size);
    add_size(entry.value, size);
  }
}

void check_duplicate_keys(const Node& map) {
  std::map<std::string_view, const Node*> seen;
  for (const MapEntry& entry : map.entries) {
    const auto [first, is_new] = seen.emplace(entry.key.text, &entry.key);
    if (is_new) continue;
    refuse(entry.key.pos, "the key " + quote(entry.key.text) + " is given twice",
           "each key once; the first is at line " + std::to_string(first->second->pos.line));
  }
}

bool document_ends_at(std::string_view line) {
  return line.starts_with("---") || line.starts_with("...");
}

}  // namespace

SourceText::SourceText(std::string_view text, FileName file_name)
    : text_(text), file_name_(file_name), starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

std::string_view SourceText::line(std::size_t index) const {
  if (index >= starts_.size()) return {};
  const std::size_t begin = starts_[index];
  const std::size_t end = index + 1 < starts_.size() ? starts_[index + 1] - 1 : text_.size();
  return text_.substr(begin, end - begin);
}

SourcePos SourceText::pos(std::size_t line_index, std::size_t column_in_bytes) const {
  const std::string_view whole = line(line_index);
  const std::size_t inside = std::min(column_in_bytes, whole.size());
  if (last_.line != line_index || last_.bytes > inside) last_ = {line_index, 0, 0};
  const std::string_view between = whole.substr(last_.bytes, inside - last_.bytes);
  last_.characters +=
      static_cast<std::size_t>(std::count_if(between.begin(), between.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      }));
  last_.bytes = inside;
  // Beyond the line's end (nothing stands there) the library's count is as good as any.
  const std::size_t beyond = column_in_bytes - inside;
  return {file_name_, static_cast<int>(line_index) + 1,
          static_cast<int>(last_.characters + beyond) + 1};
}

SourcePos SourceText::pos(const YAML::Mark& mark) const {
  if (mark.is_null()) return {file_name_, 0, 0};
  return pos(static_cast<std::size_t>(mark.line), static_cast<std::size_t>(mark.column));
}

SourcePos SourceText::pos(std::size_t offset) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto index = static_cast<std::size_t>(after - starts_.begin()) - 1;
  return pos(index, offset - starts_[index]);
}

std::size_t SourceText::offset(const YAML::Mark& mark) const {
  const auto index = static_cast<std::size_t>(std::max(mark.line, 0));
  if (index >= starts_.size()) return text_.size();
  return std::min(starts_[index] + static_cast<std::size_t>(std::max(mark.column, 0)),
                  text_.size());
}

void TreeBuilder::OnDocumentStart(const YAML::Mark& mark) {
  const auto line = static_cast<std::size_t>(std::max(mark.line, 0));
  if (document_line_) {
    // The library takes whatever is left over for a further document, for ever if need be.
    std::size_t at = *document_line_ + 1;
    while (at <= line && !document_ends_at(source_.line(at))) ++at;
    if (at > line) {
      refuse(source_.pos(mark), "text after the end of the document",
             "'---' on a line of its own before a further document");
    }
  }
  document_line_ = line;
  if (++document_count_ > limits_.documents) {
    refuse(source_.pos(mark), "more than " + std::to_string(limits_.documents) + " documents",
           "fewer documents in a file");
  }
  anchors_.clear();
}

// Where nothing is written the library's mark is that of the next thing, so we take the key's.
void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  Node node;
  node.pos = source_.pos(mark);
  if (!open_.empty()) node.pos = open_.back().key ? open_.back().key->pos : open_.back().node.pos;
  add(std::move(node), anchor);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    refuse(source_.pos(mark), "an alias of a value that it is itself a part of",
           "aliases of values that are complete");
  }
  charge(found->second, source_.pos(mark), open_.size());
  Node copy = found->second;
  // Counted already; positions stay those of the original, where a mistake would be mended.
  if (open_.empty()) {
    documents_.push_back(std::move(copy));
  } else if (open_.back().node.is_map()) {
    add_to_map(open_.back(), std::move(copy));
  } else {
    open_.back().node.items.push_back(std::move(copy));
  }
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  Node node;
  node.kind = NodeKind::kScalar;
  node.pos = source_.pos(mark);
  check_tag(tag, node.pos);
  node.quoted = tag == "!";
  node.text = value;
  charge(node, node.pos, open_.size());
  if (node.quoted || value.find('\n') != std::string::npos) {
    nodes_ += count_lines(value);  // each has a place of its own
    charge(Node{}, node.pos, 0);
    node.line_start = line_starts(source_, source_.offset(mark), value);
  }
  add(std::move(node), anchor);
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor, YAML::EmitterStyle::value) {
  open(NodeKind::kSequence, mark, tag, anchor);
}

void TreeBuilder::OnSequenceEnd() { close(); }

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
  open(NodeKind::kMap, mark, tag, anchor);
}

void TreeBuilder::OnMapEnd() {
  check_duplicate_keys(open_.back().node);
  close();
}

void TreeBuilder::open(NodeKind kind, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor) {
  Open opened{{}, anchor, std::nullopt};
  opened.node.kind = kind;
  opened.node.pos = source_.pos(mark);
  check_tag(tag, opened.node.pos);
  charge(opened.node, opened.node.pos, open_.size());
  open_.push_back(std::move(opened));
}

void TreeBuilder::close() {
  Open closed = std::move(open_.back());
  open_.pop_back();
  add(std::move(closed.node), closed.anchor);
}

void TreeBuilder::add(Node node, YAML::anchor_t anchor) {
  remember(node, anchor);
  if (open_.empty()) {
    if (!node.is_null()) documents_.push_back(std::move(node));
  } else if (open_.back().node.is_map()) {
    add_to_map(open_.back(), std::move(node));
  } else {
    open_.back().node.items.push_back(std::move(node));
  }
}

void TreeBuilder::add_to_map(Open& map, Node node) {
  if (map.key) {
    map.node.entries.push_back({std::move(*map.key), std::move(node)});
    map.key.reset();
    return;
  }
  if (!node.is_scalar()) refuse(node.pos, describe(node) + " as a key", "a word as a key");
  if (node.text == "<<" && !node.quoted) {
    refuse(node.pos, "the merge key '<<'", "", "write the keys out, or use an alias for the map");
  }
  map.key = std::move(node);
}

// An anchored value is kept a second time, so it is also counted a second time.
void TreeBuilder::remember(const Node& node, YAML::anchor_t anchor) {
  if (anchor == YAML::NullAnchor) return;
  charge(node, node.pos, open_.size());
  anchors_[anchor] = node;
}

void TreeBuilder::charge(const Node& node, const SourcePos& pos, std::size_t depth) {
  Size size;
  add_size(node, size);
  nodes_ += size.nodes;
  text_bytes_ += size.text;
  if (nodes_ > limits_.nodes) {
    refuse(pos, "more than " + std::to_string(limits_.nodes) + " values, aliases written out",
           "fewer values");
  }
  if (text_bytes_ > limits_.text) {
    refuse(pos, "more than " + std::to_string(limits_.text) + " bytes of text, aliases written out",
           "less text");
  }
  const std::size_t own = node.is_scalar() || node.is_null() ? 0 : 1 + height_of(node);
  if (depth + own > limits_.depth) {
    refuse(pos, "lists and maps more than " + std::to_string(limits_.depth) + " deep",
           "at most " + std::to_string(limits_.depth));
  }
}

}  // namespace nptsim::yaml
