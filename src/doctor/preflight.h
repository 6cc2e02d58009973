// What will go wrong when a run starts as asked, told before it starts. Pure. Any thread.
#pragma once

#include <string>
#include <vector>

#include "doctor/report.h"

namespace sonde::doctor {

// One line for each thing: what will happen, and the command that prevents it. `report` is examine()'s for this same
// need, which states its connections. Empty when all fits.
std::vector<std::string> foresee(const Report& report, const Need& need);

}  // namespace sonde::doctor
