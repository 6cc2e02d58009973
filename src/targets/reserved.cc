#include "targets/reserved.h"

#include "targets/target_expression.h"

namespace sonde::targets {
namespace {

// IPv4: ZMap's default list. It is IANA's special-purpose registry without the anycast services that the registry calls
// globally reachable (AS112: 192.31.196.0/24, 192.175.48.0/24; AMT: 192.52.193.0/24), with multicast and 240.0.0.0/4.
// IPv6: the registry, with multicast. Prefixes inside others of the list are left out.
constexpr const char* kReserved[] = {
    "0.0.0.0/8",          // "this network", RFC 791
    "10.0.0.0/8",         // private use, RFC 1918
    "100.64.0.0/10",      // shared address space, RFC 6598
    "127.0.0.0/8",        // loopback, RFC 1122
    "169.254.0.0/16",     // link local, RFC 3927
    "172.16.0.0/12",      // private use, RFC 1918
    "192.0.0.0/24",       // IETF protocol assignments, RFC 6890
    "192.0.2.0/24",       // documentation, RFC 5737
    "192.88.99.0/24",     // 6to4 relay anycast, RFC 7526
    "192.168.0.0/16",     // private use, RFC 1918
    "198.18.0.0/15",      // benchmarking, RFC 2544
    "198.51.100.0/24",    // documentation, RFC 5737
    "203.0.113.0/24",     // documentation, RFC 5737
    "224.0.0.0/4",        // multicast, RFC 5771
    "240.0.0.0/4",        // reserved, RFC 1112, and limited broadcast
    "::/128",             // unspecified, RFC 4291
    "::1/128",            // loopback, RFC 4291; ::ffff:0:0/96 is IPv4 (AddressSet)
    "64:ff9b::/96",       // IPv4-IPv6 translation, RFC 6052
    "64:ff9b:1::/48",     // the same, local use, RFC 8215
    "100::/64",           // discard only, RFC 6666
    "100:0:0:1::/64",     // dummy prefix, RFC 9780
    "2001::/23",          // IETF protocol assignments, Teredo and ORCHID in it, RFC 2928
    "2001:db8::/32",      // documentation, RFC 3849
    "2002::/16",          // 6to4, RFC 3056
    "2620:4f:8000::/48",  // direct delegation AS112, RFC 7534
    "3fff::/20",          // documentation, RFC 9637
    "5f00::/16",          // segment routing SIDs, RFC 9602
    "fc00::/7",           // unique local, RFC 4193
    "fe80::/10",          // link local, RFC 4291
    "ff00::/8",           // multicast, RFC 4291
};

AddressSet make_reserved() {
  AddressSet set;
  for (const char* text : kReserved) {
    const auto prefix = parse_target(text);
    SONDE_CHECK(prefix && !prefix->is_name() && !prefix->host_bits, "the table of reserved prefixes is wrong");
    set.add(prefix->range);
  }
  set.normalize();
  return set;
}

}  // namespace

const AddressSet& reserved_addresses() {
  static const AddressSet set = make_reserved();
  return set;
}

}  // namespace sonde::targets
