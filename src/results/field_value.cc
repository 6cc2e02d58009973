#include "results/field_value.h"

#include <array>
#include <charconv>

#include "results/encoder.h"

namespace sonde::results {
namespace {

FieldValue text_or_absent(std::string_view text) { return text.empty() ? FieldValue() : FieldValue(text); }

FieldValue timing(const Record& record, Phase phase) {
  const std::int32_t us = record.timing_us[static_cast<std::size_t>(phase)];
  return us == kNoTiming ? FieldValue() : FieldValue(std::int64_t{us});
}

FieldValue module_value(const Record& record, std::uint32_t id) {
  if (id < record.first_value_id || id - record.first_value_id >= record.values.size())
    return {};  // another module's field
  const Value& value = record.values[id - record.first_value_id];
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean;
  if (const auto* text = std::get_if<std::string>(&value)) return std::string_view(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return list;
  if (const auto* json = std::get_if<Json>(&value)) return json;
  return {};
}

}  // namespace

FieldValue field_value(const Record& record, std::uint32_t id, std::string& scratch) {
  switch (static_cast<Common>(id)) {
    case Common::kTs:
      scratch.clear();
      append_timestamp(record.unix_time, scratch);
      return std::string_view(scratch);
    case Common::kIp: {
      if (record.ip.is_unspecified()) return {};
      std::array<char, 48> text{};
      scratch.assign(text.data(), write_ip(record.ip, text.data()));
      return std::string_view(scratch);
    }
    case Common::kPort:
      return record.port == 0 ? FieldValue() : FieldValue(std::int64_t{record.port});
    case Common::kHost:
      return text_or_absent(record.host);
    case Common::kProbe:
      return record.probe;
    case Common::kOutcome:
      return name(record.outcome);
    case Common::kPhase:
      return name(record.phase);
    case Common::kAttempts:
      return std::int64_t{record.attempts};
    case Common::kError:
      return text_or_absent(record.error);
    case Common::kCause:
      return text_or_absent(name(record.cause));
    case Common::kTimingDns:
      return timing(record, Phase::kDns);
    case Common::kTimingConnect:
      return timing(record, Phase::kConnect);
    case Common::kTimingTls:
      return timing(record, Phase::kTls);
    case Common::kTimingWrite:
      return timing(record, Phase::kWrite);
    case Common::kTimingFirstByte:
      return timing(record, Phase::kFirstByte);
    case Common::kTimingRead:
      return timing(record, Phase::kRead);
    case Common::kTimingTotal:
      return timing(record, Phase::kDone);
    case Common::kTcpRtt:
      return record.tcp && record.tcp->rtt_us > 0 ? FieldValue(std::int64_t{record.tcp->rtt_us}) : FieldValue();
    case Common::kTcpRetransmits:
      return record.tcp ? FieldValue(std::int64_t{record.tcp->retransmits}) : FieldValue();
    case Common::kCount:
      break;
  }
  return module_value(record, id);
}

void append_text(const FieldValue& value, std::string& out) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    std::array<char, 24> digits{};
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *integer).ptr);
  } else if (const auto* boolean = std::get_if<bool>(&value)) {
    out += *boolean ? "true" : "false";
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    out += *text;
  } else if (const auto* list = std::get_if<const std::vector<std::string>*>(&value)) {
    for (std::size_t i = 0; i < (*list)->size(); ++i) {
      if (i > 0) out += ';';
      out += (**list)[i];
    }
  } else if (const auto* json = std::get_if<const Json*>(&value)) {
    out += (*json)->text;
  }
}

}  // namespace sonde::results
