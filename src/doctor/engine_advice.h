// What io_uring offers on this machine, and what sonde uses of it. Pure.
#pragma once

#include "doctor/report.h"

namespace sonde::doctor {

EngineAdvice engine_advice(const Machine& machine);

}  // namespace sonde::doctor
