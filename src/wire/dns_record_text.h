// A resource record as one line of text as the Go library miekg/dns prints it, which is what the regular expressions of
// blackbox_exporter's dns module see.
#pragma once

#include <optional>
#include <string>

#include "wire/dns.h"

namespace sonde::wire {

// "a.example.\t60\tIN\tMX\t10 mx.example.": the owner, TTL, class, type and data. A type without a form here has
// numbers for class and type and data as RFC 3597 (5) has it; the OPT record is a comment of several lines (RFC 6891).
// Nothing where the data is not of its type's form; no data at all is, of every type. Printable ASCII but for tabs and
// OPT's line feeds.
//
// Differences: '$' is escaped in a name, a space is \032, an apostrophe is not escaped; a TTL above 2^31 is 0; EDNS
// options, NSEC3 and types rarer than that are not in forms of their own.
std::optional<std::string> dns_record_text(const DnsRecord& record);

}  // namespace sonde::wire
