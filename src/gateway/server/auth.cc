#include "gateway/server/auth.h"

#include <crypt.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/check.h"
#include "os/error.h"
#include "os/fd.h"

namespace sonde::gateway {
namespace {

constexpr std::size_t kMostTokenFile = std::size_t{1} << 20;
constexpr int kMostCost = 16;  // 2^16 rounds are four seconds already
// Of no password: what a name that nobody has is checked against, so that its answer takes as long.
constexpr const char* kNobody = "$2b$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_word(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; });
}

// RFC 4648 4, with its padding; strict, since what reads as two things is read by nobody.
std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool padding = c == '=' && i + 2 >= text.size() && (i + 1 == text.size() || text[i + 1] == '=');
    int digit = 0;
    if (c >= 'A' && c <= 'Z')
      digit = c - 'A';
    else if (c >= 'a' && c <= 'z')
      digit = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      digit = c - '0' + 52;
    else if (c == '+')
      digit = 62;
    else if (c == '/')
      digit = 63;
    else if (!padding)
      return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(bits >> shift & 0xff);
    bits = 0;
  }
  const std::size_t padded = text.size() - text.find_last_not_of('=') - 1;
  if (!text.empty()) out.resize(out.size() - padded);
  return out;
}

// "$2b$10$" and 53 characters (crypt(5)); nothing when it is not that, else its cost.
std::optional<int> bcrypt_cost(std::string_view hash) {
  const bool shaped = hash.size() == 60 && hash.starts_with("$2") &&
                      (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$' && hash[6] == '$' &&
                      hash[4] >= '0' && hash[4] <= '3' && hash[5] >= '0' && hash[5] <= '9';
  if (!shaped) return std::nullopt;
  return (hash[4] - '0') * 10 + (hash[5] - '0');
}

bool bcrypt_matches(const std::string& password, const std::string& hash) {
  const auto room = std::make_unique<crypt_data>();  // 32 KiB
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), room.get());
  const bool same = made && std::strlen(made) == hash.size() && CRYPTO_memcmp(made, hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(room.get(), sizeof(crypt_data));
  return same;
}

}  // namespace

std::optional<Credentials> read_authorization(std::string_view value) {
  value = trimmed(value);
  const std::size_t space = value.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = value.substr(0, space), rest = trimmed(value.substr(space));
  if (is_word(scheme, "bearer")) return Credentials{.basic = false, .secret = std::string(rest)};
  if (!is_word(scheme, "basic")) return std::nullopt;
  auto pair = base64_decoded(rest);
  // crypt(3) takes text up to a NUL: what comes behind one must not be ignored.
  if (!pair || pair->find(':') == std::string::npos || pair->find('\0') != std::string::npos) return std::nullopt;
  return Credentials{.basic = true, .secret = std::move(*pair)};
}

Parsed<std::shared_ptr<Auth>> Auth::create(const AuthOptions& options) {
  std::shared_ptr<Auth> auth(new Auth);
  SONDE_CHECK(RAND_bytes(auth->key_.data(), static_cast<int>(auth->key_.size())) == 1, "random bytes are always there");
  auth->asks_ = options.any();
  for (const auto& [user, hash] : options.basic) {
    const auto cost = bcrypt_cost(hash);
    if (user.empty() || user.find(':') != std::string::npos)
      return input_error(fmt::format("auth.basic: '{}' is not a user's name: it is not empty and has no ':'", user));
    if (!cost)
      return input_error(
          fmt::format("auth.basic: the password of '{}' is not a bcrypt hash ($2b$…, 60 characters)", user));
    if (*cost < 4 || *cost > kMostCost)
      return input_error(
          fmt::format("auth.basic: the hash of '{}' has cost {}: 4 to {} are taken", user, *cost, kMostCost));
    auth->users_.emplace_back(user, hash);
  }
  if (!auth->users_.empty()) auth->challenges_.emplace_back("Basic realm=\"sonde\", charset=\"UTF-8\"");
  if (options.bearer_file.empty()) {
    auth->take_digest({});
    return auth;
  }

  const auto content = os::read_file(options.bearer_file, kMostTokenFile);
  if (!content)
    return input_error(fmt::format("auth.bearer_file: {}: {}", options.bearer_file, os::describe(content.error())));
  for (std::string_view rest = *content; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view token = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (token.empty() || token.front() == '#') continue;
    auth->good_.emplace(auth->digest_of({.basic = false, .secret = std::string(token)}), kNever);
  }
  if (auth->good_.empty())
    return input_error(fmt::format("auth.bearer_file: {}: it has no token", options.bearer_file));
  auth->challenges_.emplace_back("Bearer realm=\"sonde\"");
  auth->take_digest(*content);
  return auth;
}

// As one text that is read in one way only: how many users, then them, then the file of tokens as it is.
void Auth::take_digest(std::string_view tokens) {
  std::string text = fmt::format("{}\n", users_.size());
  for (const auto& [user, hash] : users_) text += fmt::format("{}:{}\n", user, hash);
  text += tokens;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest_.data());
}

Auth::Digest Auth::digest_of(const Credentials& credentials) const {
  const std::string text = (credentials.basic ? 'b' : 't') + credentials.secret;
  Digest digest{};
  unsigned size = 0;
  const auto* made = HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  SONDE_CHECK(made && size == digest.size(), "an HMAC of bytes that are there");
  return digest;
}

bool Auth::remembers(const Digest& digest, Nanos now) {
  const std::lock_guard lock(mutex_);
  const auto found = good_.find(digest);
  return found != good_.end() && now < found->second;
}

void Auth::remember(const Digest& digest, Nanos now) {
  const std::lock_guard lock(mutex_);
  if (good_.size() >= kMostRemembered) std::erase_if(good_, [&](const auto& entry) { return entry.second <= now; });
  if (good_.size() >= kMostRemembered) return;  // it is good all the same, and costs its bcrypt again
  good_.insert_or_assign(digest, now + kRemembered);
}

Auth::Verdict Auth::quick(const std::string* authorization, Nanos now) {
  if (!asks_) return Verdict::kGood;
  const auto credentials = authorization ? read_authorization(*authorization) : std::nullopt;
  if (!credentials) return Verdict::kBad;
  if (remembers(digest_of(*credentials), now)) return Verdict::kGood;
  return credentials->basic && !users_.empty() ? Verdict::kSlow : Verdict::kBad;
}

bool Auth::slow(std::string_view authorization, Nanos now) {
  const auto credentials = read_authorization(authorization);
  if (!credentials) return false;
  const Digest digest = digest_of(*credentials);
  // Many that wait for the same one: the first of them has found out.
  if (remembers(digest, now)) return true;
  if (!credentials->basic) return false;
  const std::size_t colon = credentials->secret.find(':');
  const std::string name = credentials->secret.substr(0, colon);
  const auto user =
      std::ranges::find(users_, name, [](const auto& entry) -> const std::string& { return entry.first; });
  const bool known = user != users_.end();
  const bool good = bcrypt_matches(credentials->secret.substr(colon + 1), known ? user->second : kNobody);
  if (!known || !good) return false;
  remember(digest, now);
  return true;
}

SlowDesk::~SlowDesk() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  came_.notify_one();
  thread_.join();
}

bool SlowDesk::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= capacity_) return false;
    waiting_.push_back(std::move(work));
  }
  came_.notify_one();
  return true;
}

void SlowDesk::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the main thread's
  for (;;) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
    if (ends_) return;
    const std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
  }
}

}  // namespace sonde::gateway
