// Collects what a scan was asked to probe and makes a TargetSet of it. Used by one thread, before the scan.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "targets/cidr_set.h"
#include "targets/exclusion.h"
#include "targets/name_set.h"
#include "targets/port_set.h"
#include "targets/target_expression.h"
#include "targets/target_set.h"
#include "targets/url_set.h"

namespace sonde::targets {

class TargetSetBuilder {
 public:
  static constexpr std::size_t kMaxWarnings = 10;

  // One target in any form of target_expression.h. `where` ("--list", "targets.txt:17") begins an error or warning.
  Parsed<> add(std::string_view text, std::string_view where = {});
  // A file of them, one a line. Errors name file and line; a file without a target is one.
  Parsed<> add_list_file(const std::string& path);
  // The ports of targets that name none.
  void set_ports(PortSet ports) { ports_ = std::move(ports); }
  // What is a URL keeps its scheme and path: URLs of one endpoint with different paths or schemes are different
  // targets; one without a path is the same as its plain host and port, of which each pair is probed once. Without this
  // a URL is its host and port. To be said before add().
  void keep_urls() { keep_urls_ = true; }

  // What the user may not have meant, one line each, at most kMaxWarnings and a line that counts the rest.
  std::vector<std::string> warnings() const;

  // The set without what `exclusion` excludes (an excluded name stays, as blocked). Errors: no targets; a target
  // without a port and no ports set; 2^62 targets or more; nothing left to scan. Leaves the builder empty.
  Parsed<TargetSet> build(const Exclusion& exclusion = {});

 private:
  template <typename Where>  // std::string(), called when it is needed
  Parsed<> add_expression(std::string_view text, const Where& where);
  void warn_host_bits(std::string_view where, std::string_view text, const AddressRange& range);
  void canonicalize();
  void settle_urls();
  std::uint64_t digest() const;
  void subtract(const AddressSet& excluded);
  Parsed<TargetSet> assemble(const Exclusion& exclusion);

  PortSet ports_;
  AddressSet base_;                          // without ports of their own
  std::map<std::uint16_t, AddressSet> own_;  // by their own port
  NameSet names_;
  NameSet own_names_;
  UrlSet urls_;
  UrlSet schemes_;  // of pairs that base_ or names_ have, by their URLs
  bool keep_urls_ = false;
  std::string portless_;  // the first target that named no port, quoted, with its place
  std::vector<std::string> warnings_;
  std::uint64_t warnings_left_out_ = 0;
};

}  // namespace sonde::targets
