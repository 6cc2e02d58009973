// The text of a page's <title>, found while the page streams by; nothing of the page is kept but the title's own text.
// A small part of HTML's tokenizer (WHATWG HTML, 13.2.5): comments, quoted attributes and elements whose content is
// text (script, style, textarea …) do not fool it. A title within <svg> is another thing, and skipped. The page's bytes
// are taken as UTF-8 or a superset of ASCII; of UTF-16 nothing is found.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sonde::wire {

class HtmlTitle {
 public:
  static constexpr std::size_t kPageLimit = 65536;  // how far into the page it looks
  static constexpr std::size_t kTitleLimit = 256;   // bytes of title()

  // The page's next bytes. True: nothing more will come of it, the rest need not be fed.
  bool feed(std::string_view page);

  bool found() const { return found_; }  // a title began
  // Character references decoded, control characters and runs of blanks a single space, cut at a character's end
  // (of UTF-8). Bytes that are not UTF-8 stay as they are. Empty when none was found. The text is the peer's: escape
  // it.
  std::string title() const;

 private:
  static constexpr std::size_t kRawLimit = 2048;  // bytes of a title as it was written

  enum class Mode : std::uint8_t {
    kText,
    kLess,     // behind "<"
    kEndLess,  // behind "</"
    kBang,     // behind "<!"
    kBangDash,
    kComment,  // ends with "-->" or "--!>"
    kBogus,    // <!doctype …>, <?…>, </…>: ends with ">"
    kTagName,
    kInTag,
    kAfterEquals,
    kUnquoted,
    kQuoted,
    kRawText,  // within an element whose content is text
    kRawLess,
    kRawEndName,
  };

  std::size_t skip(std::string_view page) const;
  void step(char c);
  void begin_tag(bool is_end);
  void tag_name(char c);
  void end_of_tag();
  void raw_end_name(char c);
  void keep(std::string_view text);

  std::string raw_;              // blanks of the title collapsed, the rest as it was written
  std::array<char, 12> name_{};  // the tag's name so far, cut; in kRawEndName as written
  std::uint32_t seen_ = 0;
  std::uint16_t svg_depth_ = 0;
  std::uint8_t name_size_ = 0;
  std::uint8_t dashes_ = 0;
  std::uint8_t raw_element_ = 0;  // whose text it is in: an index in the table of such elements
  Mode mode_ = Mode::kText;
  char quote_ = '"';
  bool end_tag_ = false;
  bool self_closing_ = false;
  bool bang_ = false;  // of "--!>" the "!" was seen
  bool found_ = false;
  bool done_ = false;
};

}  // namespace sonde::wire
