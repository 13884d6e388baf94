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

enum Next : unsigned { kRequest, kDone, kBadHeader, kBadEntry };

struct Entry {
  std::uint64_t word = 0;
  std::uint64_t done() const { return get_bits(word, 11, 0); }
  std::uint64_t gfn() const { return get_bits(word, 51, 12); }
  unsigned operation() const { return static_cast<unsigned>(get_bits(word, 55, 52)); }
  bool large() const { return has_bit(word, 56); }
  std::uint64_t pages() const { return large() ? 512 : 1; }
  // A hint (smash, unsmash) is nothing to do.
  bool is_change() const { return operation() == kPrivate || operation() == kShared; }
};

class Buffer {
 public:
  explicit Buffer(View& view)
      : view_(view), base_(vcpu_of(static_cast<const View&>(view)).get(vcpu::kScratch)) {}

  std::uint64_t current() { return read(0, 2); }
  std::uint64_t end() { return read(2, 2); }
  Entry entry(std::uint64_t n) { return {read(kHeader + 8 * n, 8)}; }
  void set_current(std::uint64_t n) { write(0, n, 2); }
  void set_done(std::uint64_t n) {
    const Entry e = entry(n);
    write(kHeader + 8 * n, with_bits(e.word, 11, 0, e.pages()), 8);
  }

 private:
  std::uint64_t read(std::uint64_t offset, unsigned size) {
    std::uint64_t value = 0;
    read_guest(view_, GuestPhysAddr(base_) + offset, &value, size);
    return value;
  }
  void write(std::uint64_t offset, std::uint64_t value, unsigned size) {
    write_guest(view_, GuestPhysAddr(base_) + offset, &value, size);
  }

  View& view_;
  std::uint64_t base_;
};

// The entries from `first` on that one request can hold: the same operation and size, in a row.
std::uint64_t run_length(Buffer& buffer, std::uint64_t first) {
  const Entry head = buffer.entry(first);
  std::uint64_t count = 1;
  if (head.done() != 0) return count;
  for (; first + count <= buffer.end(); ++count) {
    const Entry next = buffer.entry(first + count);
    const bool follows = next.operation() == head.operation() && next.large() == head.large() &&
                         next.done() == 0 && next.gfn() == head.gfn() + count * head.pages();
    if (!follows) break;
  }
  return count;
}

void request(View& view, const Entry& head, std::uint64_t count) {
  const std::uint64_t gpa = (head.gfn() + head.done()) << kPageShift;
  exit_for_map_gpa_range(view, gpa, count * head.pages() - head.done(),
                         head.operation() == kPrivate);
}

// Up to the next entry that user space has something to do with.
ActionResult psc_next(View& view, const Args&) {
  Buffer buffer(view);
  const std::uint64_t end = buffer.end();
  if (end >= kMaxEntries) return ActionResult::done().give(0, kBadHeader);
  for (std::uint64_t n = buffer.current(); n <= end; ++n) {
    const Entry e = buffer.entry(n);
    if (e.done() > e.pages() || e.gfn() % e.pages() != 0) {
      return ActionResult::done().give(0, kBadEntry);
    }
    buffer.set_current(n);
    if (e.done() == e.pages()) continue;
    if (!e.is_change()) {
      buffer.set_done(n);
      continue;
    }
    const std::uint64_t count = run_length(buffer, n);
    vcpu_of(view).set(vcpu::kPscEntry, n);
    vcpu_of(view).set(vcpu::kPscEntries, count);
    request(view, e, count);
    return ActionResult::done().give(0, kRequest);
  }
  buffer.set_current(end + 1);
  return ActionResult::done().give(0, kDone);
}

ActionResult psc_complete(View& view, const Args&) {
  Buffer buffer(view);
  const Record vcpu = vcpu_of(view);
  const std::uint64_t first = vcpu.get(vcpu::kPscEntry), count = vcpu.get(vcpu::kPscEntries);
  for (std::uint64_t n = first; n < first + count; ++n) buffer.set_done(n);
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
  v.add(given("psc_next", {"request", "done", "bad-header", "bad-entry"},
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
