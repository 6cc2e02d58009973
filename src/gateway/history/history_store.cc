#include "gateway/history/history_store.h"

#include <sqlite3.h>

#include <optional>

#include "base/check.h"

namespace sonde::gateway {
namespace {

constexpr std::int64_t kApplicationId = 0x736f6e64;  // "sond"
constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kRowsPerPiece = 2000;  // that are deleted in one transaction

// NORMAL: what is committed survives the process's death at once, the machine's after a checkpoint. Checkpoints are
// made by checkpoint() alone, so that no commit waits for the disk. Pages of 8 KiB hold rows of 2 KiB without overflow.
constexpr const char* kSettings = R"(
  PRAGMA page_size = 8192;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA cache_size = -8192;)";

constexpr const char* kTables = R"(
  BEGIN IMMEDIATE;
  CREATE TABLE IF NOT EXISTS journal(number INTEGER PRIMARY KEY, slice INTEGER NOT NULL, results BLOB);
  CREATE TABLE IF NOT EXISTS sealed(slice INTEGER PRIMARY KEY, last_key INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS points(tier INTEGER, span INTEGER, check_id INTEGER, packed BLOB,
    PRIMARY KEY(tier, span, check_id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS spans(tier INTEGER, span INTEGER, from_us INTEGER, to_us INTEGER, points INTEGER,
    PRIMARY KEY(tier, span)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS thinned(tier INTEGER PRIMARY KEY, to_us INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS transitions(number INTEGER PRIMARY KEY, check_id INTEGER, unix_ns INTEGER,
    old TEXT, new TEXT, cause TEXT);
  CREATE INDEX IF NOT EXISTS transitions_of ON transitions(check_id, number);
  CREATE TABLE IF NOT EXISTS reloads(number INTEGER PRIMARY KEY, unix_ns INTEGER, ok INTEGER, hash TEXT, error TEXT);
  CREATE TABLE IF NOT EXISTS states(check_id INTEGER PRIMARY KEY, unix_ns INTEGER, state BLOB);
  PRAGMA application_id = 1936682596;
  PRAGMA user_version = 1;
  COMMIT;)";
static_assert(kApplicationId == 1936682596 && kVersion == 1);

// The integer of the first row.
std::optional<std::int64_t> first(Statement& statement) {
  if (!statement.row()) return std::nullopt;
  const std::int64_t value = statement.integer(0);
  statement.end();
  return value;
}

std::int64_t number(Database& database, const char* sql) {
  Statement query(database, sql);
  return first(query).value_or(0);
}

bool make_ready(Database& database) {
  if (database.failed()) return false;
  const bool is_empty = number(database, "SELECT count(*) FROM sqlite_master") == 0;
  const bool is_ours = number(database, "PRAGMA application_id") == kApplicationId &&
                       number(database, "PRAGMA user_version") == kVersion;
  if (database.failed()) return false;
  if (!is_empty && !is_ours)
    return database.note(SQLITE_MISMATCH, "a database, but no history that this sonde can write");
  return database.run(kSettings) && database.run(kTables);
}

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

HistoryStore::HistoryStore(const std::string& path)
    : database_(path, Database::Access::kWrite),
      ready_(make_ready(database_)),
      append_(database_, "INSERT INTO journal(slice, results) VALUES(?, ?)"),
      add_transition_(database_, "INSERT INTO transitions(check_id, unix_ns, old, new, cause) VALUES(?, ?, ?, ?, ?)"),
      add_reload_(database_, "INSERT INTO reloads(unix_ns, ok, hash, error) VALUES(?, ?, ?, ?)"),
      keep_state_(database_, "INSERT OR REPLACE INTO states VALUES(?, ?, ?)"),
      add_points_(database_, "INSERT OR REPLACE INTO points VALUES(?, ?, ?, ?)"),
      find_points_(database_, "SELECT packed FROM points WHERE tier = ? AND span = ? AND check_id = ?"),
      add_span_(database_,
                "INSERT INTO spans VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET points = points + excluded.points"),
      note_sealed_(database_, "INSERT OR REPLACE INTO sealed VALUES(?, ?)"),
      drop_journal_(database_, "DELETE FROM journal WHERE slice = ?"),
      oldest_span_(database_, "SELECT span FROM spans WHERE tier = ? AND (to_us < ? OR points = 0) LIMIT 1"),
      first_span_(database_, "SELECT span FROM spans WHERE tier = ? ORDER BY span LIMIT 1"),
      count_points_(database_, "SELECT sum(points) FROM spans WHERE tier = ?"),
      empty_span_(database_, "UPDATE spans SET points = 0 WHERE tier = ? AND span = ?"),
      note_thinned_(database_,
                    "INSERT INTO thinned SELECT tier, to_us FROM spans WHERE tier = ? AND span = ? "
                    "ON CONFLICT DO UPDATE SET to_us = max(to_us, excluded.to_us)"),
      delete_points_(database_,
                     "DELETE FROM points WHERE tier = ?1 AND span = ?2 AND check_id IN "
                     "(SELECT check_id FROM points WHERE tier = ?1 AND span = ?2 LIMIT ?3)"),
      delete_span_(database_, "DELETE FROM spans WHERE tier = ? AND span = ?"),
      thin_transitions_(database_,
                        "DELETE FROM transitions WHERE number IN (SELECT number FROM transitions ORDER BY number "
                        "LIMIT ?1) AND (unix_ns < ?2 OR number < (SELECT max(number) FROM transitions) - ?3)") {}

bool HistoryStore::load(std::deque<Slice>& slices, std::int64_t& next) {
  Statement sealed(database_, "SELECT slice, last_key FROM sealed");
  std::map<std::int64_t, SeriesKey> last_keys;
  while (sealed.row()) last_keys[sealed.integer(0)] = sealed.integer(1);
  Statement journal(database_, "SELECT slice, results FROM journal ORDER BY number");
  while (journal.row()) {
    const std::int64_t slice = journal.integer(0);
    if (slices.empty() || slices.back().number != slice) slices.emplace_back().number = slice;
    const auto last_key = last_keys.find(slice);
    std::string_view batch = journal.bytes(1);
    CheckResult result;
    std::int64_t previous_us = 0;
    while (unpack_id(batch, result.id) && unpack(batch, previous_us, result))
      if (last_key == last_keys.end() || key_of(result.id) > last_key->second) slices.back().add(result);
  }
  next = 1 + std::max(number(database_, "SELECT max(span) FROM spans WHERE tier = 0"),
                      number(database_, "SELECT max(slice) FROM journal"));
  return !database_.failed();
}

void HistoryStore::roll_back() {
  sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);  // fails where SQLite did it by itself
}

bool HistoryStore::append(std::int64_t slice, const std::string& batch) {
  return append_.with(slice, Blob{batch}).run();
}

bool HistoryStore::add(const Transition& transition) {
  return add_transition_
      .with(key_of(transition.id), transition.unix_time, std::string_view(transition.from),
            std::string_view(transition.to), std::string_view(transition.cause))
      .run();
}

bool HistoryStore::add(const Reload& reload) {
  return add_reload_
      .with(reload.unix_time, std::int64_t{reload.ok}, std::string_view(reload.hash), std::string_view(reload.error))
      .run();
}

bool HistoryStore::keep_state(CheckId id, const std::string& state, Nanos now) {
  return keep_state_.with(key_of(id), now, Blob{state}).run();
}

bool HistoryStore::seal(const Slice& slice, std::size_t most) {
  SpanPoints fresh;
  std::size_t done = 0;
  auto it = slice.series.begin();
  for (; it != slice.series.end() && done < most; ++it, ++done)
    if (!seal(it->first, it->second, slice.number, fresh)) return false;
  for (const auto& [place, points] : fresh) {
    const auto [tier, span] = place;
    const std::int64_t length = kTierShapes[tier].width_us * kTierShapes[tier].points;
    const std::int64_t from = tier == kResults ? slice.from / kMicrosecond : span * length;
    const std::int64_t to = tier == kResults ? slice.to / kMicrosecond : (span + 1) * length - 1;
    if (!add_span_.with(tier, span, from, to, points).run()) return false;
  }
  if (it != slice.series.end()) return note_sealed_.with(slice.number, std::prev(it)->first).run();
  return drop_journal_.with(slice.number).run() && database_.run("DELETE FROM sealed");
}

bool HistoryStore::seal(SeriesKey key, const Series& series, std::int64_t slice, SpanPoints& fresh) {
  std::map<std::int64_t, Rollup> minutes, hours;
  std::string_view bytes = series.packed;
  CheckResult result;
  std::int64_t unix_us = 0;
  while (unpack(bytes, unix_us, result)) {
    minutes[floor_div(unix_us, kTierShapes[kMinutes].width_us)].add(result);
    hours[floor_div(unix_us, kTierShapes[kHours].width_us)].add(result);
  }
  SONDE_CHECK(bytes.empty(), "what memory packed can be unpacked");
  fresh[{kResults, slice}] += series.results;
  return add_points_.with(std::int64_t{kResults}, slice, key, Blob{series.packed}).run() &&
         merge(kMinutes, key, minutes, fresh) && merge(kHours, key, hours, fresh);
}

// `rollups` by minute or hour since 1970. A row that is damaged counts for what of it can be read.
bool HistoryStore::merge(Tier tier, SeriesKey key, const std::map<std::int64_t, Rollup>& rollups, SpanPoints& fresh) {
  const std::int64_t per_row = kTierShapes[tier].points;
  for (auto it = rollups.begin(); it != rollups.end();) {
    const std::int64_t span = floor_div(it->first, per_row);
    std::map<std::uint32_t, Rollup> row;
    if (find_points_.with(std::int64_t{tier}, span, key).row()) {
      std::string_view bytes = find_points_.bytes(0);
      std::uint32_t index = 0;
      Rollup rollup;
      while (unpack(bytes, index, rollup)) row[index] = std::move(rollup);
      find_points_.end();
    }
    const auto before = static_cast<std::int64_t>(row.size());
    for (; it != rollups.end() && floor_div(it->first, per_row) == span; ++it)
      row[static_cast<std::uint32_t>(it->first - span * per_row)].merge(it->second);
    std::string packed;
    for (const auto& [index, rollup] : row) pack(index, rollup, packed);
    if (!add_points_.with(std::int64_t{tier}, span, key, Blob{packed}).run()) return false;
    fresh[{tier, span}] += static_cast<std::int64_t>(row.size()) - before;
  }
  return true;
}

bool HistoryStore::thin(const HistoryBounds& bounds, Nanos now, bool& more) {
  more = false;
  const std::int64_t oldest_us = (now - bounds.retention) / kMicrosecond;
  for (std::int64_t tier = 0; tier < kTiers && !more; ++tier) {
    std::optional<std::int64_t> span = first(oldest_span_.with(tier, oldest_us));
    if (!span && static_cast<std::uint64_t>(first(count_points_.with(tier)).value_or(0)) > bounds.points[tier])
      span = first(first_span_.with(tier));
    if (span && !delete_span(tier, *span, more)) return false;
  }
  if (!thin_transitions_.with(kRowsPerPiece, now - bounds.retention, static_cast<std::int64_t>(bounds.transitions))
           .run())
    return false;
  more |= database_.changes() == kRowsPerPiece;
  return !database_.failed();
}

bool HistoryStore::delete_span(std::int64_t tier, std::int64_t span, bool& more) {
  more = true;
  // Readers see no half of a span: it is empty from the first piece on.
  if (!note_thinned_.with(tier, span).run() || !empty_span_.with(tier, span).run() ||
      !delete_points_.with(tier, span, kRowsPerPiece).run())
    return false;
  return database_.changes() == kRowsPerPiece || delete_span_.with(tier, span).run();
}

bool HistoryStore::forget_states(Nanos before) {
  Statement forget(database_, "DELETE FROM states WHERE unix_ns < ?");
  return forget.with(before).run();
}

void HistoryStore::checkpoint() {
  // Busy, or a full disk: the log is kept, and the next one does it.
  sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace sonde::gateway
