#include "engine/cares_library.h"

#include <ares.h>

namespace sonde::engine {

Result<ares_channeldata*> open_cares(ares_options& options, int mask, const std::string& servers) {
  // Thread-safe and counted by c-ares; never undone, the program ends with it.
  static const int initialized = ares_library_init(ARES_LIB_INIT_ALL);
  if (initialized != ARES_SUCCESS) return std::unexpected(Error{.what = "c-ares could not be initialized"});
  ares_channel channel = nullptr;
  if (ares_init_options(&channel, &options, mask) != ARES_SUCCESS)
    return std::unexpected(Error{.what = "c-ares could not make a channel"});
  if (!servers.empty() && ares_set_servers_ports_csv(channel, servers.c_str()) != ARES_SUCCESS) {
    ares_destroy(channel);
    return std::unexpected(Error{.what = "resolver addresses were not understood"});
  }
  return channel;
}

}  // namespace sonde::engine
