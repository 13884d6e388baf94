// Streams of memslot ioctls, good and bad, through KVM's rows as they are, against a naive twin of
// kvm_set_memory_region and against what must hold of the nested tables whatever was asked.
#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "models/kernel/kvm/npt.h"
#include "models/kernel/kvm/state.h"
#include "models/library.h"
#include "models/vmm/bare/model.h"
#include "sim/machine/machine.h"
#include "sim/machine/narrator.h"
#include "sim/scenario/build.h"
#include "sim/scenario/load.h"
#include "sim/scenario/matrix.h"

namespace nptsim {
namespace {

using u64 = std::uint64_t;
using machine::BackingId;

constexpr u64 kPage = 4096;
constexpr u64 kGfns = 40;  // where the stream plays; slot 0 is far above
constexpr char kScenario[] = R"(
nptsim: 1
name: memslot fuzz
machine: { cpu: milan, kernel: kvm-7.0, vmm: bare }
memory: { ram: { gpa: 1G, size: 64K } }
start: { npt: cold, cpu: { mode: 32 }, slots: [ { id: 0, gpa: 1G, size: 64K, backing: ram } ] }
place: { handlers: 0x40006000, gdt: 0x40008000, idt: 0x40009000, tss: 0x4000a000, code: 0x4000b000, stack: 0x4000c000 }
program: { vcpu0: "nop" }
)";

struct Request {
  u64 slot = 0, flags = 0, gpa = 0, size = 0, backing = 0, offset = 0;
};

std::string text_of(const Request& r) {
  char text[160];
  std::snprintf(text, sizeof text, "slot %#llx flags %#llx gpa %#llx size %#llx backing %llu+%#llx",
                static_cast<unsigned long long>(r.slot), static_cast<unsigned long long>(r.flags),
                static_cast<unsigned long long>(r.gpa), static_cast<unsigned long long>(r.size),
                static_cast<unsigned long long>(r.backing),
                static_cast<unsigned long long>(r.offset));
  return text;
}

// Written from the order of checks in virt/kvm/kvm_main.c, with nothing of the model's in it.
struct Twin {
  std::map<u64, Request> slots{{0, {0, 0, 1ull << 30, 0x10000, 0, 0}}};  // by slot, as asked for

  std::string set(const Request& r) {
    const u64 as_id = r.slot >> 16, id = r.slot & 0xffff;
    if (r.flags & ~3ull) return "EINVAL";
    if (r.size % kPage || r.gpa % kPage) return "EINVAL";
    if (r.offset % kPage || r.backing == bare::kNoUserAddress) return "EINVAL";
    if (as_id >= 2 || id >= 32764) return "EINVAL";
    if (r.gpa + r.size < r.gpa) return "EINVAL";
    if (r.size / kPage > 0x7fffffff) return "EINVAL";
    const auto old = slots.find(r.slot);
    if (r.size == 0) {
      if (old == slots.end()) return "EINVAL";
      slots.erase(old);
      return "0";
    }
    if (old != slots.end()) {
      const Request& o = old->second;
      if (o.backing != r.backing || o.offset != r.offset || o.size != r.size) return "EINVAL";
      if ((o.flags ^ r.flags) & 2) return "EINVAL";
      if (o.gpa == r.gpa) {
        old->second.flags = r.flags;
        return "0";
      }
    }
    for (const auto& [number, other] : slots) {
      if (number == r.slot || number >> 16 != as_id) continue;
      if (r.gpa < other.gpa + other.size && other.gpa < r.gpa + r.size) return "EEXIST";
    }
    if (r.gpa + r.size > 1ull << 48) return "EINVAL";  // Milan
    slots[r.slot] = r;
    return "0";
  }
};

class Story : private machine::EventSink {
 public:
  Story() {
    auto scenarios = scenario::load_text(kScenario, "fuzz");
    REQUIRE(scenarios.ok());
    auto points = scenario::expand(scenarios.value().front());
    REQUIRE(points.ok());
    built_ = scenario::build(points.value().front().scenario, library_).value();
    built_.machine->listen(&narrator_);
  }

  // One ioctl step by step; `between` runs after each step.
  template <class Between>
  std::string set(const Request& r, Between&& between) {
    machine::Machine& m = *built_.machine;
    answer_ = "0";
    const auto procedure = built_.setup->vmm->find_procedure("script_set_slot");
    REQUIRE(procedure.has_value());
    rules::FrameWords frame = rules::begin(*built_.setup->vmm, *procedure);
    unsigned local = 0;
    for (const u64 v : {r.slot, r.flags, r.gpa, r.size, r.backing, r.offset}) {
      frame.local(local++) = v;
    }
    machine::ActorFrames(m.store(), machine::kVmmActor).push(machine::Layer::kVmm, frame);
    while (!machine::ActorFrames(m.store(), machine::kVmmActor).empty()) {
      m.step(machine::kVmmActor);
      between();
    }
    return answer_;
  }

  // A nested fault of the guest, as far as mapping goes.
  void fault(u64 gpa, bool write) {
    const std::string answer = std::exchange(answer_, "");
    const auto prefault = built_.setup->kernel->find_procedure("prefault");
    built_.machine->run_to_end(0, machine::Layer::kKernel, *prefault, {gpa, write});
    answer_ = answer;
  }

  struct Leaf {
    u64 gfn = 0, word = 0;
  };
  // Every entry that the processor would take for a mapping, straight from memory.
  std::vector<Leaf> leaves() {
    const auto& control = svm::vcpu_record(std::as_const(*built_.machine).store(), 0).control;
    std::vector<Leaf> out;
    collect(control.ncr3 & bit_range(51, 12), 4, 0, out);
    return out;
  }

  Store& store() { return built_.machine->store(); }

 private:
  void collect(u64 table, unsigned level, u64 gfn, std::vector<Leaf>& out) {
    for (u64 i = 0; i < 512; ++i) {
      const u64 word = std::as_const(store()).read(Space::kDram, table / 8 + i);
      const bool mmio = (word & 1) && !has_bit(word, kvm::kSpteMmuPresent);
      if (!(word & 1) || mmio) continue;
      const u64 here = gfn | i << (9 * (level - 1));
      if (level > 1) {
        collect(word & bit_range(51, 12), level - 1, here, out);
      } else {
        out.push_back({here, word});
      }
    }
  }

  void take(machine::Event event) override {
    if (event.kind != "return" || event.layer != machine::Layer::kKernel) return;
    if (const auto* error = event.fields.find("error")) answer_ = std::get<std::string>(*error);
  }

  models::Library library_{"."};
  scenario::Built built_;
  machine::Narrator narrator_{this};
  std::string answer_;
};

using Random = std::mt19937_64;

template <class T, std::size_t kCount>
T one_of(Random& random, const T (&list)[kCount]) {
  return list[random() % kCount];
}

// Mostly near what is there: that is where the cases are.
Request make_request(Random& random, const Twin& twin) {
  Request r;
  const u64 ids[] = {1, 2, 3, 4, 5, 1, 2, 3, 32763, 32764, 0x10001, 0x10002, 0x20001};
  r.slot = one_of(random, ids);
  const u64 flags[] = {0, 0, 0, 1, 2, 2, 3, 8, 0x10000, 0x80000000};
  r.flags = one_of(random, flags);
  r.gpa = random() % kGfns * kPage;
  r.size = (1 + random() % 6) * kPage;
  r.backing = 1 + random() % 3;
  r.offset = random() % 4 * kPage;
  const auto old = twin.slots.find(r.slot);
  if (old != twin.slots.end() && random() % 3 != 0) {
    const Request wish = r;
    r = old->second;
    if (random() % 3 == 0) r.flags = wish.flags;
    if (random() % 3 == 0) r.gpa = wish.gpa;
    if (random() % 4 == 0) r.size = 0;
    if (random() % 12 == 0) r.offset = wish.offset;
  }
  switch (random() % 24) {
    case 0:
      r.gpa |= 0x800;
      break;
    case 1:
      r.size |= 0x10;
      break;
    case 2:
      r.offset |= 0x800;
      break;
    case 3:
      r.backing = bare::kNoUserAddress;
      break;
    case 4:
      r.gpa = ~0ull << 12;
      break;
    case 5:
      r.gpa = (1ull << 48) - 2 * kPage;
      break;
    case 6:
      r.size = 1ull << 43;
      break;
    case 7:
      r.size = 0;
      break;
    default:
      break;
  }
  return r;
}

const Request* slot_at(const Twin& twin, u64 gfn) {
  for (const auto& [number, slot] : twin.slots) {
    if (number >> 16 == 0 && gfn * kPage >= slot.gpa && gfn * kPage - slot.gpa < slot.size) {
      return &slot;
    }
  }
  return nullptr;
}

// Slots of one address space lie apart, and are those of the twin.
void check_slots(const Store& store, const Twin& twin) {
  std::map<u64, Request> seen;
  for (u64 i = 0; i < kvm::kVm.at(store, 0).get(kvm::vm::kSlots); ++i) {
    const ConstRecord record = kvm::kSlots.at(store, i);
    if (!record.get(kvm::slot::kUsed)) continue;
    Request r;
    r.slot = record.get(kvm::slot::kAddressSpace) << 16 | record.get(kvm::slot::kId);
    r.gpa = record.get(kvm::slot::kBaseGfn) * kPage;
    r.size = record.get(kvm::slot::kPages) * kPage;
    r.flags = record.get(kvm::slot::kLogDirty) | record.get(kvm::slot::kReadonly) << 1;
    CHECK(!record.get(kvm::slot::kInvalid));
    for (const auto& [number, other] : seen) {
      if (number >> 16 == r.slot >> 16) {
        CHECK((r.gpa + r.size <= other.gpa || other.gpa + other.size <= r.gpa));
      }
    }
    CHECK(seen.emplace(r.slot, r).second);
  }
  REQUIRE(seen.size() == twin.slots.size());
  for (const auto& [number, slot] : twin.slots) {
    const auto found = seen.find(number);
    REQUIRE(found != seen.end());
    CHECK(found->second.gpa == slot.gpa);
    CHECK(found->second.size == slot.size);
    CHECK(found->second.flags == slot.flags);
  }
}

// What is mapped belongs to a slot, is its page, and can be written only if the slot can.
void check_leaves(Story& story, const Twin& twin) {
  for (const Story::Leaf& leaf : story.leaves()) {
    INFO("gfn ", leaf.gfn, " entry ", leaf.word);
    const Request* slot = slot_at(twin, leaf.gfn);
    REQUIRE(slot != nullptr);
    const u64 page = (slot->offset + leaf.gfn * kPage - slot->gpa) / kPage;
    const auto behind =
        machine::backing_page(story.store(), static_cast<BackingId>(slot->backing), page);
    REQUIRE(behind.frame.has_value());
    CHECK(behind.frame->value == (leaf.word & bit_range(51, 12)));
    if (slot->flags & 2) CHECK((leaf.word & 2) == 0);
  }
}

void run_stream(u64 seed, unsigned length) {
  Random random(seed);
  Story story;
  Twin twin;
  for (unsigned i = 0; i < length; ++i) {
    const Request request = make_request(random, twin);
    const Twin before = twin;
    const std::string expected = twin.set(request);
    INFO("seed ", seed, ", request ", i, ": ", text_of(request));
    const std::string answer = story.set(request, [&] {
      // A vCPU goes on while the slots change: what it maps must have been a slot, or be one.
      const u64 gfn = random() % kGfns;
      story.fault(gfn * kPage, random() % 2 != 0);
      for (const Story::Leaf& leaf : story.leaves()) {
        CHECK((slot_at(before, leaf.gfn) != nullptr || slot_at(twin, leaf.gfn) != nullptr));
      }
    });
    CHECK(answer == expected);
    check_slots(story.store(), twin);
    check_leaves(story, twin);
    for (unsigned n = 0; n < 3; ++n) {
      story.fault(random() % kGfns * kPage, random() % 2 != 0);
    }
    check_leaves(story, twin);
  }
}

TEST_CASE("memslot ioctls in any order") {
  for (const u64 seed : {u64{1}, u64{2}, u64{3}, u64{0x5eed}}) {
    std::printf("seed %#llx\n", static_cast<unsigned long long>(seed));
    run_stream(seed, 150);
  }
}

}  // namespace
}  // namespace nptsim
