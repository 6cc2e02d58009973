// Who may ask: Basic with bcrypt hashes (RFC 7617, crypt(5)) and bearer tokens of a file (RFC 6750), as
// Authorization's value says. An object is what one reading of the configuration allows; any thread may ask it.
//
// bcrypt is slow on purpose (tens of milliseconds), so a name and password that were good are remembered for some
// minutes, by a keyed digest: the secrets themselves are not kept, and where the digest lies in the table tells nothing
// of them by its time. The slow part is for a thread of its own (SlowDesk).
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "gateway/options.h"

namespace sonde::gateway {

// The value of Authorization. Basic: `secret` is "user:password" decoded; Bearer: the token.
struct Credentials {
  bool basic = false;
  std::string secret;
};
std::optional<Credentials> read_authorization(std::string_view value);

class Auth {
 public:
  enum class Verdict : std::uint8_t { kGood, kBad, kSlow };
  static constexpr Nanos kRemembered = 5 * 60 * kSecond;
  static constexpr std::size_t kMostRemembered = 1024;

  // Reads the file of tokens. The error names option and user, or the file.
  static Parsed<std::shared_ptr<Auth>> create(const AuthOptions& options);

  bool asks() const { return asks_; }  // false: everybody may
  // Whether both let in the same: users, hashes and tokens.
  bool same_as(const Auth& other) const { return asks_ == other.asks_ && digest_ == other.digest_; }
  // `authorization`: the field's value, null when there is none. kSlow: slow() knows.
  Verdict quick(const std::string* authorization, Nanos now);
  // As quick(), with the bcrypt that it takes.
  bool slow(std::string_view authorization, Nanos now);
  // Values of WWW-Authenticate.
  const std::vector<std::string>& challenges() const { return challenges_; }

 private:
  using Digest = std::array<unsigned char, 32>;

  Auth() = default;
  void take_digest(std::string_view tokens);
  Digest digest_of(const Credentials& credentials) const;
  bool remembers(const Digest& digest, Nanos now);
  void remember(const Digest& digest, Nanos now);

  bool asks_ = false;
  Digest digest_{};  // of all who are let in
  std::array<unsigned char, 32> key_{};
  std::vector<std::pair<std::string, std::string>> users_;  // name, hash
  std::vector<std::string> challenges_;
  std::mutex mutex_;
  std::map<Digest, Nanos> good_;  // until when; a token's: kNever
};

// A thread for what takes long, and at most `capacity` that wait for it. What still waits when it ends is dropped.
class SlowDesk {
 public:
  explicit SlowDesk(std::size_t capacity) : capacity_(capacity), thread_([this] { run(); }) {}
  ~SlowDesk();
  SlowDesk(const SlowDesk&) = delete;
  SlowDesk& operator=(const SlowDesk&) = delete;
  bool submit(std::function<void()> work);  // false: full

 private:
  void run();

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> waiting_;
  bool ends_ = false;
  std::thread thread_;  // last: it uses what is above
};

}  // namespace sonde::gateway
