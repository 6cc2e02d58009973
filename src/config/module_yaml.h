// The `modules` of a configuration: blackbox_exporter's schema. What its version 0.23 refuses is refused, its defaults
// are the defaults; keys of later versions are taken where probes::ModuleOptions has a place for them. Refused beyond
// that: what 0.23 takes and then fails every probe for (an unknown prober, a regular expression of a DNS validator that
// does not compile, a header that cannot be sent …).
#pragma once

#include <string>
#include <vector>

#include "config/section.h"
#include "probes/check/module_options.h"

namespace sonde::config {

// `directory`: what relative paths are relative to; absolute.
std::vector<probes::ModuleOptions> read_modules(const Value& modules, const std::string& directory);

// The parts of it that have files of their own.
void read_http(const Value& value, const std::string& directory, probes::HttpCheck& out);
void read_dns(const Value& value, const std::string& directory, probes::DnsCheck& out);

// What they share.
void read_ip(Section& section, probes::IpPreference& out);
void read_source_address(Section& section, std::string& out);
void read_tls(Section& section, std::string_view key, const std::string& directory, probes::TlsConfig& out);
void read_path(Section& section, std::string_view key, const std::string& directory, std::string& out);
void read_pattern(Section& section, std::string_view key, probes::Pattern& out);
// only_doubtful: one that is none is kept as it is, not ok().
void read_patterns(Section& section, std::string_view key, std::vector<probes::Pattern>& out,
                   bool only_doubtful = false);

// `path` as it is where it is empty or absolute, else within `directory`.
std::string absolute(const std::string& directory, const std::string& path);

}  // namespace sonde::config
