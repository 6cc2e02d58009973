// A report for a person and for a program. Pure.
#pragma once

#include <string>

#include "doctor/fix.h"
#include "doctor/report.h"

namespace sonde::doctor {

struct TextStyle {
  bool colour = false;
  unsigned width = 100;  // columns to fill
};

// The verdict, the table of limits, io_uring, and the commands to run as one block.
std::string render_text(const Report& report, const Need& need, const TextStyle& style);

// One object: {"capacity", "limits", "engine", "kernel", "fixes"}; the last only where `fixed` is given.
std::string render_json(const Report& report, const Fixed* fixed = nullptr);

}  // namespace sonde::doctor
