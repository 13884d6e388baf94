#include "sim/machine/firmware_host.h"

#include <string>

namespace nptsim::machine {
namespace {

// The page that the command is about.
HostPhysAddr page_of(const svm::FirmwareRequest& request) {
  switch (request.command) {
    case svm::FirmwareCommand::kLaunchUpdate:
    case svm::FirmwareCommand::kPageReclaim:
    case svm::FirmwareCommand::kPageSetState:
    case svm::FirmwareCommand::kPageUnsmash:
      return request.page;
    default:
      return request.context;
  }
}

void tell(View& view, const svm::FirmwareRequest& request, const svm::FirmwareResult& result,
          svm::RmpPageState from, svm::RmpPageState to) {
  Narrator* narrator = view.narrator();
  if (narrator == nullptr || !narrator->tells("firmware")) return;
  const svm::Rule& rule = svm::rule_of(result.rule);
  EventFields fields = {{"command", std::string(svm::name_of(request.command))},
                        {"status", std::string(svm::name_of(result.status))},
                        {"spa", Hex{page_of(request).value}},
                        {"from", std::string(svm::name_of(from))},
                        {"to", std::string(svm::name_of(to))}};
  if (request.command == svm::FirmwareCommand::kLaunchUpdate) {
    fields.add("page_type", std::uint64_t{static_cast<std::uint8_t>(request.type)});
    fields.add("measured",
               std::string(svm::measures_contents(request.type) ? "contents" : "place"));
  }
  fields.add("sentence", std::string(rule.sentence));
  fields.add("source", std::string(rule.source));
  const Speaker speaker = narrator->speaker();
  narrator->set_speaker({speaker.by, Layer::kFirmware});
  narrator->emit("firmware", std::move(fields), std::string(rule.id));
  narrator->set_speaker(speaker);
}

}  // namespace

svm::FirmwareResult host_firmware(View& view, const svm::FirmwareRequest& request) {
  arch::PhysicalMemory memory = view.memory();
  const svm::Rmp rmp(view.setup().cpu.rmp, memory);
  const svm::RmpPageState from = svm::page_state(rmp, page_of(request));
  const svm::FirmwareResult result = svm::SnpFirmware(view.setup().cpu, memory).run(request);
  tell(view, request, result, from, svm::page_state(rmp, page_of(request)));
  return result;
}

}  // namespace nptsim::machine
