// The fields of a banner record, and what fills them. Stateless.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "probes/banner/heard.h"
#include "probes/banner/suspects.h"
#include "results/record.h"

namespace sonde::probes {

enum class BannerField : std::uint8_t {
  kProtocol,
  kText,
  kBytes,
  kProduct,
  kVersion,
  kTls,
  kAnswer,
  kHello,
  kSshKex,
  kSshHostKey,
  kSshCiphers,
  kSshMacs,
  kSuspect,
  kCount,
};

std::span<const results::FieldDef> banner_fields();  // in the order of BannerField

// What `heard`, which is not empty, tells. hello: the name of the one that it answers; empty for none.
void fill_banner(std::span<results::Value> values, const Heard& heard, std::uint16_t port, std::size_t max_banner,
                 std::string_view hello);

}  // namespace sonde::probes
