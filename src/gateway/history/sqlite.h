// SQLite for one thread at a time: a connection, and statements that are prepared once. What goes wrong is a code of
// SQLite (0: nothing) that stays until it is looked at; a statement that failed has no rows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace sonde::gateway {

struct Blob {
  std::string_view bytes;
};

class Database {
 public:
  // ":memory:" is one in memory. Look at failed() before use.
  enum class Access : std::uint8_t { kWrite, kRead };
  Database(const std::string& path, Access access);

  // Statements without parameters, separated by ';'. False: see error().
  bool run(const char* sql);
  // Of the last row statement that ran: how many rows it changed.
  std::int64_t changes() const;

  bool failed() const { return code_ != 0; }
  bool is_corrupt() const;                             // the file is no database, or a damaged one
  const std::string& error() const { return error_; }  // "database or disk is full"
  void forget_error() { code_ = 0, error_.clear(); }

  sqlite3* handle() { return handle_.get(); }
  // True when it is no error; the first error is kept, with SQLite's text for it or another.
  bool note(int code, const char* text = nullptr);

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
  int code_ = 0;
  std::string error_;
};

// REQUIRES: the database outlives it.
class Statement {
 public:
  Statement(Database& database, const char* sql);

  // From the first parameter on, for a new run.
  template <typename... Values>
  Statement& with(Values... values) {
    end();
    int at = 0;
    (bind(++at, values), ...);
    return *this;
  }
  bool row();  // steps to the next row; false behind the last, or on an error
  bool run();  // to the end; false: an error
  void end();  // of one that is left before its last row: it holds no snapshot then

  // Of the row.
  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;  // of a text or blob; valid until the next step

 private:
  void bind(int at, std::int64_t value);
  void bind(int at, std::string_view text);
  void bind(int at, Blob blob);

  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };
  Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace sonde::gateway
