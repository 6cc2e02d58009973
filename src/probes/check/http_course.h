// The course of one http run, in Go's manner: a token where one is needed, the request, what redirects ask for, each
// over a connection of its own; then the verdict. It guides the http probe and is the probe that the engine sees.
#pragma once

#include <memory>

#include "engine/probe.h"
#include "probes/check/check_run.h"
#include "probes/check/http_settings.h"
#include "probes/check/http_target.h"

namespace sonde::probes {

// The run and the settings outlive it; tools: of the shard.
std::unique_ptr<engine::Probe> make_http_course(const HttpSettings& settings, CheckRun& run, HttpTarget target,
                                                HttpTools& tools);

}  // namespace sonde::probes
