// A page-state change by the GHCB page: a list of entries, done by user space a run at a time
// (Linux arch/x86/kvm/svm/sev.c snp_begin_psc, __snp_complete_one_psc).
//
// The buffer: u16 cur_entry, u16 end_entry, u32 reserved, then entries of 8 bytes: cur_page in
// 11:0, gfn in 51:12, operation in 55:52, pagesize in 56.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/guest_memory.h"
#include "sim/arch/svm/ghcb.h"

namespace nptsim::kvm {
namespace {

constexpr std::uint64_t kMaxEntries = 253;  // VMGEXIT_PSC_MAX_COUNT
constexpr std::uint64_t kHeader = 8;
constexpr unsigned kPrivate = 1, kShared = 2;
constexpr std::uint64_t kGeneric = 0x100ull << 32, kInvalidHeader = (1ull << 32) | 1,
                        kInvalidEntry = (1ull << 32) | 2;

enum Next : unsigned { kRequest, kListDone, kBadHeader, kBadEntry, kBeyond };

struct Entry {
  std::uint64_t word = 0;
  std::uint64_t done() const { return get_bits(word, 11, 0); }
  std::uint64_t gfn() const { return get_bits(word, 51, 12); }
  unsigned operation() const { return static_cast<unsigned>(get_bits(word, 55, 52)); }
  bool large() const { return has_bit(word, 56); }
  std::uint64_t pages() const { return large() ? 512 : 1; }
  bool valid() const { return done() <= pages() && gfn() % pages() == 0; }
  // A hint (smash, unsmash) is nothing to do.
  bool is_change() const { return operation() == kPrivate || operation() == kShared; }
};

class Buffer {
 public:
  explicit Buffer(View& view) : view_(view) {
    const ConstRecord vcpu = vcpu_of(static_cast<const View&>(view));
    base_ = vcpu.get(vcpu::kScratch);
    // Inside of the GHCB the kernel sees its page; elsewhere it has a copy, as long as
    // SW_EXITINFO2 says.
    const bool in_ghcb = (base_ & ~kPageMask) == vcpu.get(vcpu::kGhcbGpa);
    size_ = in_ghcb ? kPageSize - (base_ & kPageMask) : vcpu.get(vcpu::kExitInfo2);
    current_ = read(0, 2);
  }

  bool has_header() const { return kHeader <= size_; }
  bool has(std::uint64_t n) const { return kHeader + 8 * (n + 1) <= size_; }
  std::uint64_t current() const { return current_; }
  std::uint64_t end() const { return read(2, 2); }
  Entry entry(std::uint64_t n) const { return {read(kHeader + 8 * n, 8)}; }
  // It moves on for the kernel also where the page takes no write.
  void set_current(std::uint64_t n) { write(0, current_ = n, 2); }
  void set_done(std::uint64_t n) {
    const Entry e = entry(n);
    write(kHeader + 8 * n, with_bits(e.word, 11, 0, e.pages()), 8);
  }

 private:
  std::uint64_t read(std::uint64_t offset, unsigned size) const {
    std::uint64_t value = 0;
    read_guest(view_, GuestPhysAddr(base_) + offset, &value, size);
    return value;
  }
  void write(std::uint64_t offset, std::uint64_t value, unsigned size) {
    write_guest(view_, GuestPhysAddr(base_) + offset, &value, size);
  }

  View& view_;
  std::uint64_t base_ = 0, size_ = 0, current_ = 0;
};

// Moves cur_entry to the first entry that is not finished.
Next find_unfinished(Buffer& buffer, std::uint64_t end) {
  for (std::uint64_t n = buffer.current(); n <= end; buffer.set_current(++n)) {
    if (!buffer.has(n)) return kBeyond;
    if (!buffer.entry(n).valid()) return kBadEntry;
    if (buffer.entry(n).done() != buffer.entry(n).pages()) return kRequest;
  }
  return kListDone;
}

// The entries from `first` on that go as one: the same operation and size, one behind the other.
// What is left of a 2-MByte entry counts as pages of 4 KByte; a next entry is looked for that many
// pages behind the entry's first gfn, not behind its last.
struct Together {
  std::uint64_t entries = 1;
  std::uint64_t pages = 0;
  bool beyond = false;
};
Together together(const Buffer& buffer, std::uint64_t first, std::uint64_t end) {
  const Entry head = buffer.entry(first);
  const bool large = head.large() && head.done() == 0;
  Together run;
  run.pages = head.pages() - head.done();
  for (std::uint64_t n = first + 1; n <= end; ++n) {
    if (!buffer.has(n)) return run.beyond = true, run;
    const Entry next = buffer.entry(n);
    if (next.operation() != head.operation() || next.gfn() != head.gfn() + run.pages ||
        next.done() != 0 || next.large() != large) {
      break;
    }
    ++run.entries;
    run.pages += large ? 512 : 1;
  }
  return run;
}

void complete(Buffer& buffer, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t n = first; n < first + count; ++n) buffer.set_done(n);
  buffer.set_current(first + count);
}

// Up to the next entries that user space has something to do with.
Next find_next(View& view) {
  Buffer buffer(view);
  for (;;) {
    if (!buffer.has_header()) return kBeyond;
    const std::uint64_t end = buffer.end();
    if (end >= kMaxEntries) return kBadHeader;
    const Next found = find_unfinished(buffer, end);
    if (found != kRequest) return found;
    const std::uint64_t first = buffer.current();
    const Entry head = buffer.entry(first);
    const Together run = together(buffer, first, end);
    if (run.beyond) return kBeyond;
    if (!head.is_change()) {
      complete(buffer, first, run.entries);
      continue;
    }
    vcpu_of(view).set(vcpu::kPscEntry, first);
    vcpu_of(view).set(vcpu::kPscEntries, run.entries);
    kvm_uapi::exit_for_map_gpa_range(view, (head.gfn() + head.done()) << kPageShift, run.pages,
                                     head.operation() == kPrivate);
    return kRequest;
  }
}

ActionResult psc_next(View& view, const Args&) {
  return ActionResult::done().give(0, find_next(view));
}

ActionResult psc_complete(View& view, const Args&) {
  Buffer buffer(view);
  const Record vcpu = vcpu_of(view);
  complete(buffer, vcpu.get(vcpu::kPscEntry), vcpu.get(vcpu::kPscEntries));
  vcpu.set(vcpu::kPscEntry, 0);
  vcpu.set(vcpu::kPscEntries, 0);
  return ActionResult::done();
}

// Bits 63:32 and 31:0 of SW_EXITINFO2; SW_EXITINFO1 stays 0.
ActionResult psc_answer(View& view, const Args& args) {
  constexpr std::uint64_t kAnswers[] = {0, kGeneric, kInvalidHeader, kInvalidEntry};
  const std::uint64_t value = kAnswers[args.word(0)];
  const GuestPhysAddr page(vcpu_of(view).get(vcpu::kGhcbGpa));
  write_guest(view, page + svm::ghcb::kExitInfo2.offset, &value, 8);
  return ActionResult::done().note(value);
}

}  // namespace

void add_page_state_changes(rules::Vocabulary& v) {
  v.add(given("psc_next", {"request", "done", "bad-header", "bad-entry", "beyond"},
              "what the next entry of a page-state change asks for"));
  v.add(giving({"psc_next"},
               action<psc_next>("psc_find", {}, "the buffer, kvm_run",
                                "the next entries that user space has something to do with")));
  v.add(action<psc_complete>("psc_complete", {}, "the buffer", "the entries are done"));
  v.add(action<psc_answer>(
      "psc_answer_guest",
      {word_arg("result", {"done", "generic", "invalid-header", "invalid-entry"})}, "the GHCB",
      "SW_EXITINFO2"));
}

}  // namespace nptsim::kvm
