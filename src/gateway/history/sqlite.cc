#include "gateway/history/sqlite.h"

#include <sqlite3.h>

#include "base/check.h"

namespace sonde::gateway {

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Database::Database(const std::string& path, Access access) {
  sqlite3* handle = nullptr;
  const int flags = (access == Access::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (!note(code)) return;
  sqlite3_busy_timeout(handle, 1000);
}

bool Database::note(int code, const char* text) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return true;
  if (code_ == 0) {
    code_ = code;
    error_ = text != nullptr ? text : handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  }
  return false;
}

bool Database::run(const char* sql) { return note(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr)); }

std::int64_t Database::changes() const { return sqlite3_changes64(handle_.get()); }

bool Database::is_corrupt() const { return (code_ & 0xff) == SQLITE_CORRUPT || (code_ & 0xff) == SQLITE_NOTADB; }

Statement::Statement(Database& database, const char* sql) : database_(database) {
  sqlite3_stmt* handle = nullptr;
  if (database.failed()) return;
  (void)database.note(sqlite3_prepare_v3(database.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr));
  handle_.reset(handle);
}

void Statement::end() {
  if (handle_) sqlite3_reset(handle_.get());
}

// A failed bind is one of no memory, or a parameter that the statement does not have.
void Statement::bind(int at, std::int64_t value) {
  if (handle_) (void)database_.note(sqlite3_bind_int64(handle_.get(), at, value));
}
void Statement::bind(int at, std::string_view text) {
  if (handle_)
    (void)database_.note(
        sqlite3_bind_text64(handle_.get(), at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}
void Statement::bind(int at, Blob blob) {
  if (handle_)
    (void)database_.note(
        sqlite3_bind_blob64(handle_.get(), at, blob.bytes.data(), blob.bytes.size(), SQLITE_TRANSIENT));
}

bool Statement::row() {
  if (!handle_) return false;
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  (void)database_.note(code);
  sqlite3_reset(handle_.get());
  return false;
}

bool Statement::run() {
  while (row()) {
  }
  return !database_.failed();
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

}  // namespace sonde::gateway
