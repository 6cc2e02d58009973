// The fields of a dns record, and how they follow from a message.
#pragma once

#include <cstddef>
#include <span>

#include "results/record.h"
#include "wire/dns.h"

namespace sonde::probes {

enum class DnsField : std::size_t {
  kQuery,
  kType,
  kClass,
  kTransport,
  kRcode,
  kFlags,
  kAnswers,
  kAuthorities,
  kAdditionals,
  kRecords,
  kSerial,
  kResponseBytes,
  kTruncated,
  kSent,
  kIgnored,
  kTlsVersion,
  kCount,
};

std::span<const results::FieldDef> dns_fields();

void fill_question(const wire::DnsQuery& query, std::span<results::Value> values);
// Of an answer, also one that is broken behind its question: what stands before the fault.
void fill_answer(std::span<const std::byte> message, std::span<results::Value> values);

}  // namespace sonde::probes
