#include "probes/dns/dns_fields.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <string>
#include <vector>

#include "wire/dns_rdata.h"

namespace sonde::probes {
namespace {

using results::FieldDef;
using results::FieldType;

constexpr std::size_t kMostRecords = 64;
constexpr std::size_t kMostRecordBytes = std::size_t{64} << 10;  // of their JSON

constexpr auto kFields = std::to_array<FieldDef>({
    {"dns.query", FieldType::kString, "the name that was asked for"},
    {"dns.type", FieldType::kString, "the type that was asked for"},
    {"dns.class", FieldType::kString, "the class that was asked for"},
    {"dns.transport", FieldType::kString, "what brought the answer, or was tried last", false,
     R"({"enum":["udp","tcp","tls"]})"},
    {"dns.rcode", FieldType::kString, "of the answer: NOERROR, NXDOMAIN, REFUSED …", true},
    {"dns.flags", FieldType::kStringList, "those that are set", false,
     R"({"type":"array","items":{"enum":["aa","tc","rd","ra","ad","cd"]}})"},
    {"dns.answers", FieldType::kInteger, "records in the answer section, as the header says", true},
    {"dns.authorities", FieldType::kInteger, "records in the authority section"},
    {"dns.additionals", FieldType::kInteger, "records in the additional section, OPT counted in"},
    {"dns.records", FieldType::kJson,
     "the first 64 records but OPT, of at most 64 KiB: section, name, type, ttl, data as in a master file", false,
     R"({"type":"array","minItems":1,"maxItems":64,"items":{"type":"object","properties":{
     "section":{"enum":["answer","authority","additional"]},"name":{"type":"string"},"type":{"type":"string"},
     "ttl":{"type":"integer","minimum":0,"maximum":2147483647},"data":{"type":"string"}},
     "required":["section","name","type","ttl","data"],"additionalProperties":false}})"},
    {"dns.serial", FieldType::kInteger, "of the first SOA record"},
    {"dns.response_bytes", FieldType::kInteger, "bytes of the answer's message"},
    {"dns.truncated", FieldType::kBoolean, "the answer over UDP was cut (TC); with transport udp: TCP brought none"},
    {"dns.sent", FieldType::kInteger, "queries sent, over all transports"},
    {"dns.ignored", FieldType::kInteger, "messages that were no answer to the query"},
    {"dns.tls_version", FieldType::kString, "of DNS over TLS"},
});
static_assert(kFields.size() == static_cast<std::size_t>(DnsField::kCount));

results::Value& field(std::span<results::Value> values, DnsField which) {
  return values[static_cast<std::size_t>(which)];
}

std::vector<std::string> flags_of(const wire::DnsHeader& header) {
  std::vector<std::string> flags;
  const auto add = [&](bool set, const char* name) {
    if (set) flags.emplace_back(name);
  };
  add(header.authoritative, "aa");
  add(header.truncated, "tc");
  add(header.recursion_desired, "rd");
  add(header.recursion_available, "ra");
  add(header.authentic, "ad");
  add(header.checking_disabled, "cd");
  return flags;
}

std::string_view name_of(wire::DnsSection section) {
  switch (section) {
    case wire::DnsSection::kAnswer:
      return "answer";
    case wire::DnsSection::kAuthority:
      return "authority";
    case wire::DnsSection::kAdditional:
      break;
  }
  return "additional";
}

// Names and data are printable ASCII, in which everything else is escaped.
std::string json_of(const wire::DnsRecord& record) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  const auto put = [&](std::string_view key, std::string_view text) {
    json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  };
  json.StartObject();
  put("section", name_of(record.section));
  put("name", record.name.text());
  put("type", wire::dns_type_name(record.type));
  json.Key("ttl");
  json.Uint(record.ttl);
  put("data", wire::dns_rdata_text(record));
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

std::span<const FieldDef> dns_fields() { return kFields; }

void fill_question(const wire::DnsQuery& query, std::span<results::Value> values) {
  field(values, DnsField::kQuery) = query.name.text();
  field(values, DnsField::kType) = wire::dns_type_name(query.type);
  field(values, DnsField::kClass) = wire::dns_class_name(query.klass);
}

void fill_answer(std::span<const std::byte> message, std::span<results::Value> values) {
  wire::DnsReader reader(message);
  const wire::DnsHeader& header = reader.header();
  std::string records;
  std::size_t count = 0;
  for (wire::DnsRecord record; reader.next_record(record);) {
    if (results::Value& serial = field(values, DnsField::kSerial);
        record.type == wire::dns_type::kSoa && std::holds_alternative<std::monostate>(serial)) {
      if (const auto soa = wire::dns_soa(record)) serial = std::int64_t{soa->serial};
    }
    if (record.type == wire::dns_type::kOpt || count == kMostRecords) continue;
    const std::string one = json_of(record);
    if (records.size() + one.size() > kMostRecordBytes) continue;
    records += (records.empty() ? "" : ",") + one;
    ++count;
  }
  field(values, DnsField::kRcode) = wire::dns_rcode_name(reader.rcode());
  field(values, DnsField::kFlags) = flags_of(header);
  field(values, DnsField::kAnswers) = std::int64_t{header.answers};
  field(values, DnsField::kAuthorities) = std::int64_t{header.authorities};
  field(values, DnsField::kAdditionals) = std::int64_t{header.additionals};
  if (count > 0) field(values, DnsField::kRecords) = results::Json{"[" + records + "]"};
  field(values, DnsField::kResponseBytes) = static_cast<std::int64_t>(message.size());
}

}  // namespace sonde::probes
