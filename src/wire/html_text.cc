#include "wire/html_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "wire/ascii.h"

namespace sonde::wire {
namespace {

constexpr char32_t kNone = 0xffffffff;
constexpr char32_t kReplacement = 0xfffd;
constexpr std::size_t kNameLimit = 32;  // no reference is longer

// U+00A0 to U+00FF in order. These may stand without their semicolon (WHATWG HTML, 13.5), as may those of kMarkup.
constexpr std::array<std::string_view, 96> kLatin1 = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
    "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
    "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
    "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
    "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
    "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
    "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
    "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
    "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

struct Name {
  std::string_view name;
  char32_t code;
};
constexpr std::array<Name, 8> kMarkup = {
    {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"AMP", '&'}, {"LT", '<'}, {"GT", '>'}, {"QUOT", '"'}}};
constexpr std::array<Name, 21> kCommon = {
    {{"apos", '\''},     {"ndash", 0x2013},  {"mdash", 0x2014},  {"lsquo", 0x2018}, {"rsquo", 0x2019},
     {"sbquo", 0x201a},  {"ldquo", 0x201c},  {"rdquo", 0x201d},  {"bdquo", 0x201e}, {"bull", 0x2022},
     {"hellip", 0x2026}, {"lsaquo", 0x2039}, {"rsaquo", 0x203a}, {"euro", 0x20ac},  {"trade", 0x2122},
     {"larr", 0x2190},   {"rarr", 0x2192},   {"ensp", 0x2002},   {"emsp", 0x2003},  {"vert", '|'},
     {"colon", ':'}}};

// What numbers 128 to 159 mean: windows-1252, not the control characters (WHATWG HTML, 13.2.5.80).
constexpr std::array<char32_t, 32> kWindows1252 = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                   0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                                   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                   0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

char32_t named(std::string_view name, bool has_semicolon) {
  for (const Name& known : kMarkup)
    if (known.name == name) return known.code;
  if (const auto* latin = std::ranges::find(kLatin1, name); latin != kLatin1.end())
    return static_cast<char32_t>(0xa0 + (latin - kLatin1.begin()));
  if (!has_semicolon) return kNone;
  for (const Name& known : kCommon)
    if (known.name == name) return known.code;
  return kNone;
}

// `digits` follow "&#" or "&#x".
char32_t numbered(std::string_view digits, unsigned base) {
  char32_t code = 0;
  for (const char c : digits) code = std::min<char32_t>(code * base + static_cast<unsigned>(hex_value(c)), 0x110000);
  if (code >= 0x80 && code <= 0x9f) return kWindows1252[code - 0x80];
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code == 0 || code > 0x10ffff || surrogate ? kReplacement : code;
}

std::size_t count_of(std::string_view text, bool (*wanted)(char)) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, wanted) - text.begin());
}

// The reference at the front of `text`, which begins with "&": takes it, or takes nothing and gives kNone.
char32_t take_reference(std::string_view& text) {
  const bool number = text.size() > 1 && text[1] == '#';
  const bool hexadecimal = number && text.size() > 2 && lower(text[2]) == 'x';
  const std::size_t front = hexadecimal ? 3 : number ? 2 : 1;
  std::size_t size = 0;
  if (hexadecimal) {
    size = count_of(text.substr(front), [](char c) { return hex_value(c) >= 0; });
  } else if (number) {
    size = count_of(text.substr(front), [](char c) { return is_digit(c); });
  } else {
    size = count_of(text.substr(front, kNameLimit), [](char c) { return is_digit(c) || is_letter(c); });
  }
  if (size == 0) return kNone;
  const std::string_view body = text.substr(front, size);
  const bool semicolon = text.size() > front + size && text[front + size] == ';';
  const char32_t code = number ? numbered(body, hexadecimal ? 16 : 10) : named(body, semicolon);
  if (code != kNone) text.remove_prefix(front + size + (semicolon ? 1 : 0));
  return code;
}

void append_utf8(std::string& out, char32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

// The first `limit` bytes, without a character of UTF-8 that does not fit whole.
void cut(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  std::size_t end = limit;
  while (end > 0 && limit - end < 3 && continues(text[end])) --end;
  text.resize(continues(text[end]) ? limit : end);
}

}  // namespace

std::string html_text(std::string_view html, std::size_t limit) {
  std::string out;
  while (!html.empty() && out.size() <= limit) {
    char32_t code = kNone;
    if (html.front() == '&') code = take_reference(html);
    if (code == kNone) {
      const char c = html.front();
      html.remove_prefix(1);
      if (static_cast<unsigned char>(c) >= 0x80) {  // a byte, whatever it means
        out += c;
        continue;
      }
      code = static_cast<unsigned char>(c);
    }
    if (code > ' ' && code != 0x7f) {
      append_utf8(out, code);
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  cut(out, limit);
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace sonde::wire
