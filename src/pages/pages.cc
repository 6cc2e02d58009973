#include "pages/pages.h"

#include <algorithm>

namespace sonde::pages {

const Page* find(std::string_view path) {
  const auto found = std::ranges::find(all(), path, &Page::path);
  return found == all().end() ? nullptr : &*found;
}

}  // namespace sonde::pages
