#include "metrics/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/utf8.h"

namespace sonde::metrics {
namespace {

constexpr std::string_view kBucketLabel = "le";  // where a histogram's bucket ends: of its series, no part of its name
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::array<std::string_view, 3> kTypeNames = {"gauge", "counter", "histogram"};

// As client_golang sorts the metrics of a family: by the number of labels, then by their values in order.
bool before(const Labels& a, const Labels& b) {
  const auto own = [](const Labels& labels) {
    return labels.size() - (!labels.empty() && labels.back().first == kBucketLabel ? 1 : 0);
  };
  const std::size_t size = own(a);
  if (size != own(b)) return size < own(b);
  for (std::size_t i = 0; i < size; ++i)
    if (const int order = a[i].second.compare(b[i].second); order != 0) return order < 0;
  return false;
}

// Of a help text; in a label's value the quote is escaped too. A run of bytes that are no UTF-8 is one U+FFFD.
void append_text(std::string_view text, bool quoted, std::string& out) {
  // Mostly there is nothing to do.
  const bool plain = std::ranges::all_of(
      text, [](char c) { return static_cast<signed char>(c) > 0 && c != '\n' && c != '\\' && c != '"'; });
  if (plain) {
    out += text;
    return;
  }
  for (bool broken = false; !text.empty();) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      if (!broken) out += kReplacement;
      broken = true;
      text.remove_prefix(1);
      continue;
    }
    broken = false;
    const char c = text.front();
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (quoted && c == '"')) out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
}

}  // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer{};
  const auto as = [&](std::chars_format format) {
    return std::string_view(buffer.data(),
                            std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr);
  };
  // The fewest digits that give the number back; of them strconv says whether they need an exponent.
  const std::string_view scientific = as(std::chars_format::scientific);
  const int exponent = std::atoi(scientific.substr(scientific.find('e') + 1).data());
  return std::string(exponent < -4 || exponent >= 6 ? scientific : as(std::chars_format::fixed));
}

void write_head(const Family& family, std::string& out) {
  out += "# HELP ";
  out += family.name;
  out += ' ';
  append_text(family.help, false, out);
  out += "\n# TYPE ";
  out += family.name;
  out += ' ';
  out += kTypeNames[static_cast<std::size_t>(family.type)];
  out += '\n';
}

void write_sample(const Sample& sample, std::string& out) {
  out += sample.family->name;
  out += sample.suffix;
  char separator = '{';
  for (const auto& [label, value] : sample.labels) {
    out += separator;
    out += label;
    out += "=\"";
    append_text(value, true, out);
    out += '"';
    separator = ',';
  }
  if (separator == ',') out += '}';
  out += ' ';
  out += number_text(sample.value);
  out += '\n';
}

void write_exposition(const Samples& samples, std::string& out) {
  std::vector<const Sample*> order;
  order.reserve(samples.all().size());
  for (const Sample& sample : samples.all()) order.push_back(&sample);
  // Those that are alike (a histogram's buckets) stay in the order in which they were added.
  std::ranges::sort(order, [](const Sample* a, const Sample* b) {
    if (a->family != b->family)
      if (const int by_name = std::string_view(a->family->name).compare(b->family->name); by_name != 0)
        return by_name < 0;
    if (before(a->labels, b->labels)) return true;
    return !before(b->labels, a->labels) && a < b;
  });
  std::string_view family;
  for (const Sample* sample : order) {
    if (family != sample->family->name) write_head(*sample->family, out);
    family = sample->family->name;
    write_sample(*sample, out);
  }
}

}  // namespace sonde::metrics
