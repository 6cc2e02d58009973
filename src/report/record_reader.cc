#include "report/record_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <limits>

namespace sonde::report {
namespace {

namespace dom = simdjson::dom;

template <std::size_t kCount>
std::uint8_t index_of(const std::array<std::string_view, kCount>& names, std::string_view name, std::size_t otherwise) {
  const auto found = std::find(names.begin(), names.end(), name);
  return static_cast<std::uint8_t>(found == names.end() ? otherwise : static_cast<std::size_t>(found - names.begin()));
}

std::string_view text_of(const dom::element& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? text : std::string_view();
}

// -1 where it is no whole number from 0 on.
std::int64_t number_of(const dom::element& value) {
  std::int64_t number = -1;
  return value.get(number) == simdjson::SUCCESS && number >= 0 ? number : -1;
}

std::uint32_t small_number_of(const dom::element& value) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(number_of(value), 0, std::numeric_limits<std::int32_t>::max()));
}

bool is_true(const dom::element& value) {
  bool flag = false;
  return value.get(flag) == simdjson::SUCCESS && flag;
}

bool is_false(const dom::element& value) {
  bool flag = true;
  return value.get(flag) == simdjson::SUCCESS && !flag;
}

// Calls visit(key, value) for the fields of an object; nothing where it is none.
void each_field(const dom::element& value, auto visit) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return;
  for (const dom::key_value_pair field : object) visit(field.key, field.value);
}

void read_timings(const dom::element& value, RecordFacts& facts) {
  each_field(value, [&facts](std::string_view key, const dom::element& us) {
    if (key == "total") key = results::name(results::Phase::kDone);
    const std::uint8_t phase = phase_of(key);
    if (phase != kUnknownPhase) facts.timing_us[phase] = number_of(us);
  });
}

void read_certificate(const dom::element& value, RecordFacts& facts) {
  std::string_view issuer_dn;
  each_field(value, [&](std::string_view key, const dom::element& of) {
    facts.has_certificate = true;
    if (key == "issuer_cn") {
      facts.issuer = text_of(of);
    } else if (key == "issuer_dn") {
      issuer_dn = text_of(of);
    } else if (key == "not_after") {
      facts.not_after_us = parse_time(text_of(of)).value_or(0);
    } else if (key == "self_signed") {
      facts.self_signed = is_true(of);
    } else if (key == "expired") {
      facts.expired = is_true(of);
    } else if (key == "not_yet_valid") {
      facts.not_yet_valid = is_true(of);
    } else if (key == "host_matches") {
      facts.wrong_name = is_false(of);
    }
  });
  if (facts.issuer.empty()) facts.issuer = issuer_dn;
}

void read_tls(const dom::element& value, RecordFacts& facts) {
  each_field(value, [&facts](std::string_view key, const dom::element& of) {
    if (key == "version") {
      facts.tls_version = text_of(of);
    } else if (key == "cipher") {
      facts.tls_cipher = text_of(of);
    } else if (key == "certificate") {
      read_certificate(of, facts);
    } else if (key == "verified") {
      if (is_true(of) || is_false(of)) facts.verified = is_true(of);
    }
  });
}

// One text, or the first of several.
std::string_view first_text(const dom::element& value) {
  dom::array several;
  if (value.get(several) != simdjson::SUCCESS) return text_of(value);
  for (const dom::element item : several) return text_of(item);
  return {};
}

void read_http(const dom::element& value, RecordFacts& facts) {
  each_field(value, [&facts](std::string_view key, const dom::element& of) {
    if (key == "status") {
      facts.http_status = small_number_of(of);
    } else if (key == "title") {
      facts.title = text_of(of);
    } else if (key == "headers") {
      each_field(of, [&facts](std::string_view name, const dom::element& text) {
        if (name == "server") facts.http_server = first_text(text);
      });
    }
  });
}

void read_banner(const dom::element& value, RecordFacts& facts) {
  each_field(value, [&facts](std::string_view key, const dom::element& of) {
    if (key == "protocol") {
      facts.protocol = text_of(of);
    } else if (key == "product") {
      facts.product = text_of(of);
    } else if (key == "suspect") {
      facts.suspect = text_of(of);
    } else if (key == "tls" && facts.tls_version.empty()) {
      facts.tls_version = text_of(of);
    }
  });
}

// True when the key is one of those that make an object a record.
bool read_field(std::string_view key, const dom::element& value, RecordFacts& facts) {
  if (key == "ip") {
    facts.ip = parse_ip(text_of(value)).value_or(IpAddress());
    return true;
  }
  if (key == "outcome") {
    facts.outcome = outcome_of(text_of(value));
    return true;
  }
  if (key == "probe") {
    facts.probe = text_of(value);
    return true;
  }
  if (key == "host") {
    facts.host = text_of(value);
    return true;
  }
  if (key == "ts") {
    facts.ended_us = parse_time(text_of(value)).value_or(0);
  } else if (key == "port") {
    const std::int64_t port = number_of(value);
    facts.port = port > 0 && port <= 65'535 ? static_cast<std::uint16_t>(port) : std::uint16_t{0};
  } else if (key == "phase") {
    facts.phase = phase_of(text_of(value));
  } else if (key == "cause") {
    facts.cause = cause_of(text_of(value));
  } else if (key == "attempts") {
    facts.attempts = small_number_of(value);
  } else if (key == "timing_us") {
    read_timings(value, facts);
  } else if (key == "tls") {
    read_tls(value, facts);
  } else if (key == "http") {
    read_http(value, facts);
  } else if (key == "banner") {
    read_banner(value, facts);
  }
  return false;
}

}  // namespace

std::uint8_t outcome_of(std::string_view name) { return index_of(results::kOutcomeNames, name, kUnknownOutcome); }
std::uint8_t phase_of(std::string_view name) { return index_of(results::kPhaseNames, name, kUnknownPhase); }
std::uint8_t cause_of(std::string_view name) { return index_of(results::kCauseNames, name, 0); }

std::string_view server_of_headers(std::string_view json) {
  thread_local dom::parser parser;
  dom::element headers;
  if (parser.parse(json.data(), json.size()).get(headers) != simdjson::SUCCESS) return {};
  dom::element server;
  return headers["server"].get(server) == simdjson::SUCCESS ? first_text(server) : std::string_view();
}

const std::size_t RecordReader::kPadding = simdjson::SIMDJSON_PADDING;

struct RecordReader::Parser {
  dom::parser dom;
};

RecordReader::RecordReader() : parser_(std::make_unique<Parser>()) {}
RecordReader::~RecordReader() = default;

const char* RecordReader::read(std::string_view line, RecordFacts& facts) {
  facts = RecordFacts{};
  dom::element value;
  if (const simdjson::error_code error = parser_->dom.parse(line.data(), line.size(), false).get(value)) {
    switch (error) {
      case simdjson::UTF8_ERROR:
        return "not UTF-8";
      case simdjson::CAPACITY:
      case simdjson::MEMALLOC:
        return "no memory for so long a line";
      default:
        return "not JSON, or cut off";
    }
  }
  dom::object record;
  if (value.get(record) != simdjson::SUCCESS) return "not a JSON object";
  bool is_record = false;
  for (const dom::key_value_pair field : record)
    if (read_field(field.key, field.value, facts)) is_record = true;
  return is_record ? nullptr : "not a record: it has no ip, host, probe or outcome";
}

}  // namespace sonde::report
