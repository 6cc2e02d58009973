// What is never touched: addresses and host names. Exclusion always wins. Filled before a scan, then only read, by any
// thread.
//
// A scan has two of them when it is resumed: the one that its index space was built with (texts() keeps it in the
// checkpoint), and the one of the command line, which may hold more and filters at hand-out (see IndexedSource).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "targets/cidr_set.h"

namespace sonde::targets {

class Exclusion {
 public:
  // One --exclude: CIDRs, ranges, addresses and host names with commas between. `where` names the option in errors.
  Parsed<> add(std::string_view comma_list, std::string_view where = {});
  // Texts of texts(), or any list of single items.
  Parsed<> add(std::span<const std::string> items, std::string_view where = {});
  // The same, one a line; an empty file excludes nothing. Errors name file and line.
  Parsed<> add_list_file(const std::string& path);

  bool empty() const { return addresses_.empty() && names_.empty(); }
  bool contains(const IpAddress& address) const { return addresses_.contains(address); }
  bool contains_name(std::string_view name) const;  // canonical: lower case, no trailing dot
  // True when everything that `other` excludes is excluded here too.
  bool covers(const Exclusion& other) const;

  const AddressSet& addresses() const { return addresses_; }
  std::span<const std::string> names() const { return names_; }  // sorted
  // Canonical text: "a-b" a range, then the names; add() of them gives an equal exclusion.
  std::vector<std::string> texts() const;

 private:
  Parsed<> add_item(std::string_view text);
  void normalize();

  AddressSet addresses_;
  std::vector<std::string> names_;
};

}  // namespace sonde::targets
