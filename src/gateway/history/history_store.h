// The history's file, as its one writer sees it.
//
// A hundred thousand checks a minute are 1,700 results a second. As rows in the order of checks they would touch as
// many pages, and their retention as many again. So a batch goes into `journal` as one blob, at the end of the file,
// which is all that a crash needs; and every ten minutes what the journal holds, which memory holds too, is sealed: in
// the order of checks, one row a check, beside each other in the file. Retention then deletes whole spans of rows that
// lie together.
//
//   journal(number, slice, results)            batches of slices that are not wholly sealed
//   sealed(slice, last_key)                    how far the slice that is being sealed is
//   points(tier, span, check_id, packed)       tier 0: results of a slice; 1: roll-ups by minute, 20 a row;
//                                              2: by hour, 6 a row
//   spans(tier, span, from_us, to_us, points)  what points there are; points = 0: being deleted
//   thinned(tier, to_us)                       up to where points of a tier were deleted
//   transitions, reloads, states               as they are named
//
// Roll-ups are made when a slice is sealed, from its results, and merge with what is there: they need no order.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "gateway/history/history_slice.h"
#include "gateway/history/sqlite.h"

namespace sonde::gateway {

enum Tier : std::int64_t { kResults, kMinutes, kHours, kTiers };
struct TierShape {
  std::int64_t width_us;  // of a point
  std::int64_t points;    // a row: a span is width × points
};
inline constexpr TierShape kTierShapes[kTiers] = {{0, 0}, {60'000'000, 20}, {3'600'000'000, 6}};

// A configuration that was read, and taken or refused.
struct Reload {
  Nanos unix_time = 0;
  bool ok = false;
  std::string hash;
  std::string error;  // of a refusal
};

// What is kept at most, beyond the retention: the oldest goes first.
struct HistoryBounds {
  Nanos retention = 7 * 24 * 3600 * kSecond;
  std::uint64_t points[kTiers] = {50'000'000, 20'000'000, 20'000'000};  // some 0.6, 0.5 and 1.5 GB
  std::uint64_t transitions = 5'000'000;
};

class HistoryStore {
 public:
  // Opens or begins the file. Look at database().failed() before use; a database that is not sonde's fails and is left
  // alone.
  explicit HistoryStore(const std::string& path);
  Database& database() { return database_; }

  // What the journal holds: slices that are not wholly sealed, the newest last. `next`: the first number that no slice
  // has had.
  bool load(std::deque<Slice>& slices, std::int64_t& next);

  // The rest, between begin and commit. False: an error of the database; then roll back.
  bool begin() { return database_.run("BEGIN IMMEDIATE"); }
  bool commit() { return database_.run("COMMIT"); }
  void roll_back();

  bool append(std::int64_t slice, const std::string& batch);
  bool add(const Transition& transition);
  bool add(const Reload& reload);
  bool keep_state(CheckId id, const std::string& state, Nanos now);
  // The first `most` series of the slice, which the caller drops when it has committed. The last ones take the
  // journal's batches of the slice with them.
  bool seal(const Slice& slice, std::size_t most);
  // Deletes a piece of what is too old or too much. `more`: there may be more to delete.
  bool thin(const HistoryBounds& bounds, Nanos now, bool& more);
  bool forget_states(Nanos before);  // of checks that nobody kept since

  // Moves what is committed from the log into the file. Outside of a transaction; may wait for the disk.
  void checkpoint();

 private:
  using SpanPoints = std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t>;  // (tier, span) → new points
  bool seal(SeriesKey key, const Series& series, std::int64_t slice, SpanPoints& fresh);
  bool merge(Tier tier, SeriesKey key, const std::map<std::int64_t, Rollup>& rollups, SpanPoints& fresh);
  bool delete_span(std::int64_t tier, std::int64_t span, bool& more);

  Database database_;
  bool ready_;
  Statement append_, add_transition_, add_reload_, keep_state_;
  Statement add_points_, find_points_, add_span_, note_sealed_, drop_journal_;
  Statement oldest_span_, first_span_, count_points_, empty_span_, note_thinned_, delete_points_, delete_span_,
      thin_transitions_;
};

}  // namespace sonde::gateway
