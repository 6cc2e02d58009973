// Finds which of a list a server accepts, and whether it has an order of its own. It is offered a chunk of the list,
// chooses one, is offered the rest, and so on until it refuses. Then all that it accepted is offered backwards: a
// server that follows its client chooses the first of every list. A server with an order is asked for it among the
// accepted of all chunks (where they lie in one, the choices told it already).
//
// A server that answers nothing may refuse so, may have lost the connection, or may be gone: what it has chosen before
// is asked again, then the offer in question; nothing twice is a refusal. Asks 2 × accepted + chunks + 2 times and
// never more than 5 × accepted + 3 × chunks + 6. Pure, one a question, no thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sonde::probes {

class Elimination {
 public:
  // Candidates in the order in which they are offered, none twice; at most `chunk` (≥ 1) at once.
  Elimination(std::vector<std::uint16_t> candidates, std::size_t chunk);

  bool done() const { return phase_ == Phase::kDone; }
  // What to offer next. REQUIRES: !done().
  std::span<const std::uint16_t> offer() const;
  // The answer to it. Something that was not offered is taken as a refusal, and the result is incomplete.
  void chosen(std::uint16_t choice);
  void refused(bool without_a_word);
  // Ends here, with what is known.
  void stop();

  // In the server's order where it has one, else ascending.
  std::vector<std::uint16_t> accepted() const;
  bool server_order() const { return server_order_; }
  bool incomplete() const { return incomplete_; }  // the server went away, or contradicts itself

 private:
  enum class Phase : std::uint8_t {
    kFind,
    kAlive,    // what was accepted, after an answer without a word
    kReverse,  // the accepted, backwards
    kForward,  // the accepted: the reverse did not tell
    kOrder,    // the accepted, less what was chosen
    kDone,
  };

  void next_chunk();
  void compare_orders();
  void take_find(std::uint16_t choice);
  void take_reverse(std::uint16_t choice);
  void begin_order(std::uint16_t first);
  void take_order(std::uint16_t choice);

  std::vector<std::uint16_t> candidates_;
  std::size_t chunk_;
  std::size_t next_ = 0;  // of candidates_: where the next chunk starts
  std::vector<std::uint16_t> offer_;
  std::vector<std::uint16_t> accepted_;  // as they were chosen
  std::vector<std::uint16_t> forward_;   // the accepted that are compared, in the order of the candidates
  std::vector<std::uint16_t> order_;     // the server's, as far as it is known
  std::size_t chunks_with_accepted_ = 0;
  std::size_t silent_chunks_ = 0;  // in a row, with nothing ever accepted
  Phase phase_ = Phase::kFind;
  bool chunk_has_accepted_ = false;
  bool retried_ = false;
  bool server_order_ = false;
  bool incomplete_ = false;
};

}  // namespace sonde::probes
