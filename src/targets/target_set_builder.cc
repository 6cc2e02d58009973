#include "targets/target_set_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/mix.h"
#include "targets/input_text.h"
#include "targets/list_reader.h"
#include "targets/permutation.h"
#include "targets/reserved.h"

namespace sonde::targets {
namespace {

// A running digest of integers and texts, the same on every machine.
class Digest {
 public:
  void add(std::uint64_t value) { state_ = mix64(state_, value); }
  void add(U128 value) {
    add(static_cast<std::uint64_t>(value >> 64));
    add(static_cast<std::uint64_t>(value));
  }
  void add(std::string_view text) {
    add(std::uint64_t{text.size()});
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      word = word << 8 | static_cast<unsigned char>(text[i]);
      if (i % 8 == 7 || i + 1 == text.size()) add(std::exchange(word, 0));
    }
  }
  void add(const AddressSet& set) {
    add(std::uint64_t{set.v4.ranges().size()});
    for (const auto& range : set.v4.ranges()) add(std::uint64_t{range.first} << 32 | range.last);
    add(std::uint64_t{set.v6.ranges().size()});
    for (const auto& range : set.v6.ranges()) {
      add(range.first);
      add(range.last);
    }
  }
  void add(const NameSet& names) {
    add(std::uint64_t{names.size()});
    for (std::size_t i = 0; i < names.size(); ++i) {
      add(names[i].name);
      add(std::uint64_t{names[i].port});
    }
  }
  void add(const UrlSet& urls) {
    add(std::uint64_t{urls.size()});
    for (std::size_t i = 0; i < urls.size(); ++i) {
      const UrlSet::Item url = urls[i];
      add(url.host);
      add(url.address.bits());
      add(std::uint64_t{url.port});
      add(url.path);
      add(static_cast<std::uint64_t>(url.scheme));
    }
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace

template <typename Where>
Parsed<> TargetSetBuilder::add_expression(std::string_view text, const Where& where) {
  auto parsed = parse_target(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  const std::uint16_t port = parsed->port;
  if (port != 0 && ports_.knows_none()) return input_error(needless_port(text));
  if (port == 0 && portless_.empty()) portless_ = located(where(), quoted(text));
  if (parsed->host_bits) warn_host_bits(where(), text, parsed->range);
  if (keep_urls_ && parsed->scheme != Scheme::kNone) {
    const IpAddress address = parsed->is_name() ? IpAddress() : parsed->range.first;
    urls_.add({parsed->host, address, port, parsed->path, parsed->scheme});
    return {};
  }
  if (parsed->is_name()) {
    (port == 0 ? names_ : own_names_).add(parsed->host, port);
    return {};
  }
  AddressSet& set = port == 0 ? base_ : own_[port];
  for_each_unreserved(parsed->range, [&](const AddressRange& piece) {
    set.add(piece);
    return true;
  });
  return {};
}

void TargetSetBuilder::warn_host_bits(std::string_view where, std::string_view text, const AddressRange& range) {
  if (warnings_.size() >= kMaxWarnings) {
    ++warnings_left_out_;
    return;
  }
  const U128 below = range.first.bits() ^ range.last.bits();
  const int length = (range.first.is_v4() ? 32 : 128) - std::popcount(static_cast<std::uint64_t>(below)) -
                     std::popcount(static_cast<std::uint64_t>(below >> 64));
  warnings_.push_back(located(where, fmt::format("{} has bits set behind its length: taken as {}/{}", quoted(text),
                                                 to_string(range.first), length)));
}

std::vector<std::string> TargetSetBuilder::warnings() const {
  std::vector<std::string> out = warnings_;
  if (warnings_left_out_ > 0) out.push_back(fmt::format("{} more targets like these", warnings_left_out_));
  return out;
}

Parsed<> TargetSetBuilder::add(std::string_view text, std::string_view where) {
  auto added = add_expression(trimmed(text), [&] { return std::string(where); });
  if (!added) return input_error(located(where, added.error().text));
  return {};
}

Parsed<> TargetSetBuilder::add_list_file(const std::string& path) {
  const auto lines = read_list(path, [&](const Line& line) {
    return add_expression(line.text, [&] { return fmt::format("{}:{}", path, line.number); });
  });
  if (!lines) return input_error(lines.error().text);
  if (*lines == 0)
    return input_error(path + ": holds no targets: write one a line (address, CIDR, range, name or URL)");
  return {};
}

// Sorts, merges, and leaves to each section only what no section before it holds.
void TargetSetBuilder::canonicalize() {
  base_.normalize();
  names_.normalize();
  own_names_.normalize();
  for (auto& [port, set] : own_) {
    set.normalize();
    if (ports_.contains(port)) set.subtract(base_);
  }
  own_names_.remove_if(
      [&](const NameSet::Item& item) { return ports_.contains(item.port) && names_.contains({item.name, 0}); });
  settle_urls();
  std::erase_if(own_, [](const auto& entry) { return entry.second.empty(); });
}

// A URL without a path takes the place of its plain host and port, where these have a number of their own; else it
// lends them its scheme (the first, should there be two). REQUIRES: all else is canonical.
void TargetSetBuilder::settle_urls() {
  if (urls_.empty()) return;
  urls_.normalize();
  std::map<std::uint16_t, AddressSet> taken;
  UrlSet::Item lent;
  urls_.remove_if([&](const UrlSet::Item& url) {
    if (!url.path.empty()) return false;
    const bool named = !url.host.empty();
    const bool numbered =
        ports_.contains(url.port) && (named ? names_.contains({url.host, 0}) : base_.contains(url.address));
    if (numbered && !lent.same_endpoint(url)) {
      schemes_.add(lent = url);
      return true;
    }
    if (!numbered && !named) taken[url.port].add({url.address, url.address});
    return false;
  });
  for (auto& [port, addresses] : taken) {
    addresses.normalize();
    if (const auto own = own_.find(port); own != own_.end()) own->second.subtract(addresses);
  }
  own_names_.remove_if(
      [&](const NameSet::Item& item) { return urls_.bare_scheme(item.name, IpAddress(), item.port) != Scheme::kNone; });
}

std::uint64_t TargetSetBuilder::digest() const {
  Digest digest;
  digest.add(std::uint64_t{ports_.size()});
  for (const std::uint16_t port : ports_.ports()) digest.add(std::uint64_t{port});
  digest.add(base_);
  digest.add(std::uint64_t{own_.size()});
  for (const auto& [port, set] : own_) {
    digest.add(std::uint64_t{port});
    digest.add(set);
  }
  digest.add(names_);
  digest.add(own_names_);
  if (!urls_.empty() || !schemes_.empty()) {
    digest.add(urls_);
    digest.add(schemes_);
  }
  return digest.value();
}

void TargetSetBuilder::subtract(const AddressSet& excluded) {
  base_.subtract(excluded);
  for (auto& [port, set] : own_) set.subtract(excluded);
  urls_.remove_if([&](const UrlSet::Item& url) { return url.host.empty() && excluded.contains(url.address); });
}

Parsed<TargetSet> TargetSetBuilder::assemble(const Exclusion& exclusion) {
  using Kind = TargetSet::Kind;
  TargetSet set;
  set.set_ports(ports_);
  set.excluded_names_.assign(exclusion.names().begin(), exclusion.names().end());

  U128 total = 0;  // at most 2 * 65536 sections of 2^62 * 65535
  const auto add_section = [&](Kind kind, std::uint64_t count, std::uint64_t ports, std::uint16_t port,
                               std::size_t slot) {
    if (count == 0) return;
    set.sections_.push_back({static_cast<std::uint64_t>(total), kind, port, static_cast<std::uint32_t>(slot)});
    total += U128{count} * ports;
  };
  constexpr std::uint64_t kLimit = Permutation::kMaxSize;
  const auto count = [](const auto& ranges) { return ranges.count_up_to(kLimit); };
  const auto too_many = [] {
    return input_error("the targets are 2^62 (address, port) pairs or more: name smaller ranges or fewer ports");
  };

  const std::uint64_t base_v4 = count(base_.v4), base_v6 = count(base_.v6);
  if (base_v6 >= kLimit) return too_many();
  add_section(Kind::kBaseV4, base_v4, ports_.size(), 0, 0);
  set.base_v4_end_ = static_cast<std::uint64_t>(total);
  set.base_v4_ = {base_.v4, base_v4};
  add_section(Kind::kBaseV6, base_v6, ports_.size(), 0, 0);
  set.base_v6_ = {base_.v6, base_v6};
  for (const auto& [port, own] : own_) {
    add_section(Kind::kOwnV4, count(own.v4), 1, port, set.own_v4_.size());
    if (!own.v4.empty()) set.own_v4_.emplace_back(own.v4, count(own.v4));
  }
  for (const auto& [port, own] : own_) {
    if (count(own.v6) >= kLimit) return too_many();
    add_section(Kind::kOwnV6, count(own.v6), 1, port, set.own_v6_.size());
    if (!own.v6.empty()) set.own_v6_.emplace_back(own.v6, count(own.v6));
  }
  const U128 addresses = total;
  add_section(Kind::kNames, names_.size(), ports_.size(), 0, 0);
  add_section(Kind::kOwnNames, own_names_.size(), 1, 0, 0);
  add_section(Kind::kUrls, urls_.size(), 1, 0, 0);
  if (total >= kLimit) return too_many();

  const auto any_allowed = [&](const NameSet& names) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!exclusion.contains_name(names[i].name)) return true;
    return false;
  };
  const auto any_url_allowed = [&] {  // excluded addresses are gone already
    for (std::size_t i = 0; i < urls_.size(); ++i)
      if (urls_[i].host.empty() || !exclusion.contains_name(urls_[i].host)) return true;
    return false;
  };
  if (addresses == 0 && !any_allowed(names_) && !any_allowed(own_names_) && !any_url_allowed())
    return input_error("nothing left to scan: the exclusions hold every target");
  set.size_ = static_cast<std::uint64_t>(total);
  set.names_ = std::move(names_);
  set.own_names_ = std::move(own_names_);
  set.urls_ = std::move(urls_);
  set.schemes_ = std::move(schemes_);
  return set;
}

Parsed<TargetSet> TargetSetBuilder::build(const Exclusion& exclusion) {
  if (base_.empty() && own_.empty() && names_.empty() && own_names_.empty() && urls_.empty())
    return input_error("no targets: name an address, CIDR, range, host name or URL, or a file of them with --list");
  if (ports_.empty() && !portless_.empty())
    return input_error(portless_ + " names no port: say which with --ports, or write host:port");
  canonicalize();
  const std::uint64_t identity = digest();
  subtract(exclusion.addresses());
  auto set = assemble(exclusion);
  if (set) set->digest_ = identity;
  *this = TargetSetBuilder();
  return set;
}

}  // namespace sonde::targets
