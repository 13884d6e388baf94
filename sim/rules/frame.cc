#include "sim/rules/frame.h"

namespace nptsim::rules {
namespace {

constexpr Field kFields[] = {
    {"procedure", 0, 15, 0, "number of the procedure + 1; 0: no frame"},
    {"pc", 0, 31, 16, "the next operation"},
    {"stage_return", 0, 47, 32, "where to go on when a stage's row has acted"},
    {"result", 1, 15, 0, "word of the latest answer"},
    {"field0.name", 2, 15, 0, "fields of the latest answer"},
    {"field0.value", 2, 31, 16, ""},
    {"field1.name", 2, 47, 32, ""},
    {"field1.value", 2, 63, 48, ""},
    {"field2.name", 3, 15, 0, ""},
    {"field2.value", 3, 31, 16, ""},
    {"field3.name", 3, 47, 32, ""},
    {"field3.value", 3, 63, 48, ""},
    {"local0", 4, 63, 0, "the procedure's locals, in the order it names them"},
    {"local1", 5, 63, 0, ""},
    {"local2", 6, 63, 0, ""},
    {"local3", 7, 63, 0, ""},
    {"local4", 8, 63, 0, ""},
    {"local5", 9, 63, 0, ""},
    {"local6", 10, 63, 0, ""},
    {"local7", 11, 63, 0, ""},
    {"cursor", 12, 63, 0, "item of the loop"},
    {"facts0", 13, 63, 0, "facts that rows gave, packed: index + 1, 0 is not given"},
    {"facts1", 14, 63, 0, ""},
    {"facts2", 15, 63, 0, ""},
};

}  // namespace

const RecordLayout kFrameLayout{"frame", kFrameWords, kFields};

}  // namespace nptsim::rules
