#include "tests/arch/twin.h"

namespace nptsim::twin {

Word Walker::load(Word spa, int bytes) const {
  const auto written = answer_.writes.find(spa & ~Word{7});
  const Word word = written != answer_.writes.end() ? written->second : memory_(spa & ~Word{7});
  if (bytes == 8) return word;
  return (spa & 4) ? word >> 32 : word & 0xffffffff;
}

void Walker::store(Word spa, Word value, int bytes) {
  const Word old = load(spa & ~Word{7}, 8);
  Word word = value;
  if (bytes == 4) {
    word = (spa & 4) ? (old & 0xffffffff) | value << 32 : (old & ~Word{0xffffffff}) | value;
  }
  if (word != old) answer_.writes[spa & ~Word{7}] = word;
}

// "The C-bit is an attribute": in host tables while memory encryption is on, in guest tables of an
// SEV guest.
bool Walker::c_has_meaning(bool nested) const {
  if (m_.c_bit < 0) return false;
  return nested ? m_.encryption_on : m_.sev && m_.mode != Mode::kTwoLevel;
}

// The bits high..low of an entry as an address, without the C-bit.
Word Walker::number_part(Word entry, bool nested, int high, int low) const {
  Word address = 0;
  for (int n = low; n <= high; ++n) {
    if (n == m_.c_bit && c_has_meaning(nested)) continue;
    if (bit_of(entry, n)) address += Word{1} << n;
  }
  return address;
}

bool Walker::must_be_zero(bool nested, int level, bool leaf, int n) const {
  const Mode mode = nested ? Mode::kFourLevel : m_.mode;
  if (mode == Mode::kTwoLevel) {
    // "Bit 21 of a 4-MByte PDE is reserved"; 20:13 are address bits 39:32.
    if (level != 2 || !leaf) return false;
    return n == 21 || (n >= 13 && n <= 20 && n + 19 >= m_.raw_width);
  }
  const bool nxe = nested ? m_.host_nxe : m_.nxe;
  const bool is_c = n == m_.c_bit && c_has_meaning(nested);
  int width = m_.raw_width;
  if (nested && m_.encryption_on) width -= m_.reduction;
  if (n >= width && n <= 51) return !is_c;
  if (mode == Mode::kPae) {
    if (n >= 52 && n <= 62) return true;
    if (level == 3) return n == 1 || n == 2 || (n >= 5 && n <= 8) || n == 63;
  }
  if (n == 63) return !nxe;
  if (level >= 4) return n == 7 || n == 8;
  if (level == 3 && n == 7) return !m_.gigabyte_pages;
  if (level == 3 && leaf) return n >= 13 && n <= 29;
  if (level == 2 && leaf) return n >= 13 && n <= 20;
  return false;
}

bool Walker::any_reserved(const Entry& e, bool nested) const {
  for (int n = 0; n < 64; ++n) {
    if (bit_of(e.value, n) && must_be_zero(nested, e.level, e.is_leaf, n)) return true;
  }
  return false;
}

bool Walker::leaf_at(bool nested, int level, Word value) const {
  if (level == 1) return true;
  if (!bit_of(value, 7)) return false;
  if (!nested && m_.mode == Mode::kTwoLevel) return m_.pse;
  if (!nested && m_.mode == Mode::kPae) return level == 2;
  return level == 2 || (level == 3 && m_.gigabyte_pages);
}

int Walker::page_bits(bool nested, int level) const {
  if (!nested && m_.mode == Mode::kTwoLevel) return level == 1 ? 12 : 22;
  return 12 + 9 * (level - 1);
}

Answer& Walker::nested_fault(Word gpa, bool for_table, Kind kind, bool write, bool present,
                             bool rsv) {
  const bool fetch = !for_table && kind == Kind::kFetch;
  answer_.what = What::kNestedFault;
  Word code = 0;
  if (present) code |= 1;
  if (write) code |= 2;
  if (!(m_.gmet && fetch && who_ != Who::kUser)) code |= 4;
  if (rsv) code |= 8;
  if (fetch && (m_.host_nxe || m_.host_smep)) code |= 16;
  code |= for_table ? Word{1} << 33 : Word{1} << 32;
  answer_.code = code;
  answer_.address = fetch ? gpa / 4096 * 4096 : gpa;
  return answer_;
}

Walker::Nested Walker::nested_walk(Word gpa, bool for_table, Kind kind, bool table_write) {
  const int levels = m_.host_la57 ? 5 : 4;
  const bool write = for_table ? table_write : kind == Kind::kWrite;
  if (levels == 4 && gpa >= Word{1} << 48) {
    answer_.what = What::kUnspecified;
    return {};
  }
  Word table = number_part(m_.nested_cr3, true, 51, 12);
  std::vector<Entry> used;
  for (int level = levels;; --level) {
    Entry e;
    e.level = level;
    e.place = table + (gpa >> page_bits(true, level)) % 512 * 8;
    e.value = load(e.place, 8);
    e.is_leaf = leaf_at(true, level, e.value);
    if (!bit_of(e.value, 0))
      return nested_fault(gpa, for_table, kind, write, false, false), Nested{};
    if (any_reserved(e, true))
      return nested_fault(gpa, for_table, kind, write, true, true), Nested{};
    used.push_back(e);
    if (e.is_leaf) break;
    table = number_part(e.value, true, 51, 12);
  }
  bool writable = true, user = true, executable = true;
  for (const Entry& e : used) {
    if (!bit_of(e.value, 1)) writable = false;
    if (!bit_of(e.value, 2)) user = false;
    if (bit_of(e.value, 63)) executable = false;
  }
  const bool fetch = !for_table && kind == Kind::kFetch;
  bool allowed = true;
  if (!m_.gmet && !user) allowed = false;
  if (write && !writable) allowed = false;
  if (fetch && !executable) allowed = false;
  if (m_.gmet && fetch && who_ != Who::kUser && user) allowed = false;
  if (!allowed) return nested_fault(gpa, for_table, kind, write, true, false), Nested{};
  for (const Entry& e : used) {
    Word updated = e.value | 32;
    if (e.is_leaf && write) updated |= 64;
    store(e.place, updated, 8);
  }
  const Entry& leaf = used.back();
  const int bits = page_bits(true, leaf.level);
  const Word offset = gpa % (Word{1} << bits);
  return {true, number_part(leaf.value, true, 51, bits) + offset};
}

Answer& Walker::guest_fault(bool present, bool rsv) {
  answer_.what = What::kPageFault;
  const bool has_nx = m_.mode != Mode::kTwoLevel && m_.nxe;
  Word code = 0;
  if (present) code |= 1;
  if (kind_ == Kind::kWrite) code |= 2;
  if (who_ == Who::kUser) code |= 4;
  if (rsv) code |= 8;
  if (kind_ == Kind::kFetch && (has_nx || m_.smep)) code |= 16;
  answer_.code = code;
  answer_.address = linear_;
  return answer_;
}

bool Walker::guest_rights_ok(const std::vector<Entry>& used) const {
  bool writable = true, user_page = true, executable = true;
  for (const Entry& e : used) {
    if (m_.mode == Mode::kPae && e.level == 3) continue;  // PDPTEs have no rights
    if (!bit_of(e.value, 1)) writable = false;
    if (!bit_of(e.value, 2)) user_page = false;
    if (m_.mode != Mode::kTwoLevel && bit_of(e.value, 63)) executable = false;
  }
  if (kind_ == Kind::kFetch && !executable) return false;
  if (who_ == Who::kUser) return user_page && (kind_ != Kind::kWrite || writable);
  if (kind_ == Kind::kFetch) return !(m_.smep && user_page);
  if (m_.smap && user_page && !(m_.ac && who_ == Who::kSupervisor)) return false;
  return kind_ != Kind::kWrite || writable || !m_.wp;
}

Answer Walker::access(Word linear, Kind kind, Who who) {
  answer_ = {};
  linear_ = linear;
  kind_ = kind;
  who_ = who;
  if (m_.mode == Mode::kNoPaging) {
    const Nested end = nested_walk(linear & 0xffffffff, false, kind, false);
    answer_.spa = end.spa;
    return answer_;
  }
  int levels = 4;
  if (m_.mode == Mode::kTwoLevel) levels = 2;
  if (m_.mode == Mode::kPae) levels = 3;
  if (m_.mode == Mode::kFiveLevel) levels = 5;
  if (levels >= 4) {
    const int top = levels == 5 ? 56 : 47;
    for (int n = top + 1; n < 64; ++n) {
      if (bit_of(linear, n) != bit_of(linear, top)) {
        answer_.what = What::kGeneralProtection;
        return answer_;
      }
    }
  }
  const int entry_bytes = levels == 2 ? 4 : 8;
  const int index_bits = levels == 2 ? 10 : 9;
  Word table = levels == 3   ? number_part(m_.cr3, false, 31, 5)
               : levels == 2 ? number_part(m_.cr3, false, 31, 12)
                             : number_part(m_.cr3, false, 51, 12);
  std::vector<Entry> used;
  std::vector<Word> gpas;
  for (int level = levels;; --level) {
    Entry e;
    e.level = level;
    Word index = (linear >> page_bits(false, level)) % (Word{1} << index_bits);
    if (levels == 3 && level == 3) index %= 4;
    const Word gpa = table + index * entry_bytes;
    Nested at = nested_walk(gpa, true, kind, !m_.rogpt);
    if (!at.good) return answer_;
    e.place = at.spa;
    e.value = load(at.spa, entry_bytes);
    e.is_leaf = leaf_at(false, level, e.value);
    if (!bit_of(e.value, 0)) return guest_fault(false, false);
    if (any_reserved(e, false)) return guest_fault(true, true);
    const bool has_a = !(levels == 3 && level == 3);
    if (m_.rogpt && has_a && !bit_of(e.value, 5)) {
      if (!nested_walk(gpa, true, kind, true).good) return answer_;
    }
    used.push_back(e);
    gpas.push_back(gpa);
    if (e.is_leaf) break;
    table = number_part(e.value, false, levels == 2 ? 31 : 51, 12);
  }
  if (!guest_rights_ok(used)) return guest_fault(true, false);
  const Entry& leaf = used.back();
  if (m_.rogpt && kind == Kind::kWrite && !bit_of(leaf.value, 6)) {
    // The A bits of the levels above are set before the D bit needs its page.
    for (std::size_t n = 0; n + 1 < used.size(); ++n) {
      if (levels == 3 && used[n].level == 3) continue;
      store(used[n].place, used[n].value | 32, entry_bytes);
    }
    if (!nested_walk(gpas.back(), true, kind, true).good) return answer_;
  }
  for (const Entry& e : used) {
    Word updated = e.value;
    if (!(levels == 3 && e.level == 3)) updated |= 32;
    if (e.is_leaf && kind == Kind::kWrite) updated |= 64;
    // What was written may hold this very entry as a nested one: or-ing keeps both.
    store(e.place, load(e.place, entry_bytes) | updated, entry_bytes);
  }
  const int bits = page_bits(false, leaf.level);
  Word frame = number_part(leaf.value, false, levels == 2 ? 31 : 51, bits);
  if (levels == 2 && leaf.level == 2) {
    for (int n = 13; n <= 20; ++n) {
      if (bit_of(leaf.value, n)) frame += Word{1} << (n + 19);
    }
  }
  const Nested end = nested_walk(frame + linear % (Word{1} << bits), false, kind, false);
  answer_.spa = end.spa;
  return answer_;
}

}  // namespace nptsim::twin
