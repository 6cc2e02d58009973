#include "population/population.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "base/mix.h"
#include "base/nearest.h"

namespace sonde::population {
namespace {

struct NamedMix {
  std::string_view name;
  std::string_view text;
  std::string_view help;
};

constexpr auto kNamedMixes = std::to_array<NamedMix>({
    {"default",
     "refused=946,silent=6,open_mute=6,ssh=10,smtp=5,ftp=3,imap=2,pop3=2,redis=3,http=12,line=1,split=1,garbage=1,ssh_"
     "slow=1,close_on_accept=1",
     "as a scan of a network meets it: one in twenty open, a few silent"},
    {"open", "open_mute=1", "every port accepts and stays silent"},
    {"quiet", "silent=1", "every SYN is dropped"},
    {"every",
     "refused=1,silent=1,open_mute=1,ssh=1,ssh_slow=1,smtp=1,ftp=1,imap=1,pop3=1,redis=1,http=1,line=1,split=1,garbage="
     "1,"
     "reset_on_accept=1,reset_mid_banner=1,close_on_accept=1,close_mid_line=1",
     "hosts of every kind, equally often"},
    {"stuck", "silent=1,open_mute=1,half_line=1,deaf=1", "every way to time out, equally often"},
    {"tls",
     "tls12=4,tls12_slow=2,tls_alert=1,tls_http_answer=1,tls_mute=1,tls_reset_mid_flight=1,tls_close_mid_flight=1,tls_"
     "half_record=1,tls_flood=1,tls_length_lie=1,refused=2,ssh=1",
     "TLS servers, one in three sound; the rest break the handshake in every way"},
    {"http",
     "http=2,http_keep_alive=2,http_chunked=2,http_until_close=1,http_09=1,http_redirect=2,http_circle=1,http_error=1,"
     "http_drip=1,http_stall=1,http_lying_length=1,http_reset_mid_body=1,http_close_mid_head=1,http_endless_1xx=1,"
     "http_huge_head=1,http_huge_chunk=1,http_binary_header=1,tls12=1,refused=2,ssh=1",
     "web servers, half of them sound; the rest break HTTP in every way"},
});

std::vector<std::string_view> known_names() {
  std::vector<std::string_view> names;
  for (const Role& role : roles()) names.push_back(role.name);
  for (const NamedMix& mix : kNamedMixes) names.push_back(mix.name);
  return names;
}

}  // namespace

const Role* find_role(std::string_view name) {
  for (const Role& role : roles())
    if (role.name == name) return &role;
  return nullptr;
}

Parsed<Mix> parse_mix(std::string_view text) {
  for (const NamedMix& named : kNamedMixes)
    if (named.name == text) text = named.text;
  Mix mix;
  std::uint64_t total = 0;
  bool more = !text.empty();
  while (more) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    more = comma != std::string_view::npos;
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) return input_error("a comma too many: write ROLE=WEIGHT,ROLE=WEIGHT");
    const std::string_view name = item.substr(0, item.find('='));
    const Role* role = find_role(name);
    if (role == nullptr)
      return input_error("no role or mix is called '" + std::string(name) + "'" + did_you_mean(name, known_names()));
    std::uint32_t weight = 0;
    const std::string_view digits = item.substr(std::min(item.size(), name.size() + 1));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
    if (error != std::errc() || end != digits.data() + digits.size() || weight > 1'000'000)
      return input_error("'" + std::string(item) + "' is not a share: write ROLE=WEIGHT, such as ssh=2");
    if (weight > 0) mix.weights.emplace_back(role, weight);
    total += weight;
  }
  if (total == 0) return input_error("a mix needs a role with a weight over 0, such as ssh=2,refused=98");
  return mix;
}

std::string mix_help() {
  std::string text;
  for (const NamedMix& mix : kNamedMixes) text += "  " + std::string(mix.name) + ": " + std::string(mix.help) + "\n";
  return text;
}

Population::Population(Mix mix, std::uint64_t seed) : mix_(std::move(mix)), seed_(seed) {
  for (const auto& [role, weight] : mix_.weights) total_ += weight;
  SONDE_CHECK(total_ > 0, "a population needs a role");
}

const Role& Population::role_of(const Endpoint& endpoint) const {
  std::uint64_t draw = mix64(seed_, mix64(endpoint.address.hash(), endpoint.port)) % total_;
  for (const auto& [role, weight] : mix_.weights) {
    if (draw < weight) return *role;
    draw -= weight;
  }
  return *mix_.weights.back().first;
}

bool Population::has(Arrival arrival) const {
  return std::any_of(mix_.weights.begin(), mix_.weights.end(),
                     [arrival](const auto& share) { return share.first->arrival == arrival; });
}

}  // namespace sonde::population
