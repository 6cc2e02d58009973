// Restart without loss: the running gateway (the old one) starts the program again, by the path and with the arguments
// that it was started with, and gives it its sockets, its schedule and the states of its checks, in the order that
// handover_message.h says. One thread, the gateway's.
//
// Whatever goes wrong before the last word, the old one goes on as if nothing had been: a successor that fails, that
// says what it must not, or that takes too long is killed. A successor whose predecessor dies goes on alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "gateway/checks/check_book.h"
#include "gateway/checks/handover_message.h"
#include "os/fd.h"
#include "os/respawn.h"

namespace sonde::gateway {

using Books = std::vector<std::unique_ptr<CheckBook>>;  // a check is in the book at its id modulo their number

// One end of the socket between the two.
class HandoverChannel {
 public:
  explicit HandoverChannel(os::Fd fd) : fd_(std::move(fd)) {}
  // Two ends, close-on-exec.
  static Result<std::pair<os::Fd, os::Fd>> open();

  int fd() const { return fd_.get(); }
  // The error is a line to log. Sockets go with the packet; the other end has others of the same.
  Parsed<> send(std::string_view packet, std::span<const int> sockets = {});
  // The next message, and its sockets; nothing if none comes within `patience`. Closed is an error.
  Parsed<std::optional<HandoverMessage>> receive(Nanos patience, std::vector<os::Fd>* sockets = nullptr);

 private:
  os::Fd fd_;
};

// What the old gateway sees of the new one.
class Successor {
 public:
  // Starts it, and says hello. listen, sockets: as in HandoverMessage.
  static Parsed<std::unique_ptr<Successor>> start(const os::Program& program, std::string_view listen,
                                                  std::span<const int> sockets);
  int fd() const { return channel_.fd(); }  // readable: time for look()
  pid_t pid() const { return child_.pid(); }

  // Whether it is ready; to be asked when fd() is readable and now and then. The error says why it is given up.
  Parsed<bool> look(Nanos now);
  // Hands the checks over; calls `meanwhile` often while it waits for those that run. The books are held from here on:
  // behind an error they are to be held no longer.
  Parsed<> take_over(const Books& books, const std::function<void()>& meanwhile);
  // It is on its own. Behind take_over().
  void let_go() { child_.let_go(); }

 private:
  Successor(os::Child child, os::Fd fd, Nanos now)
      : child_(std::move(child)), channel_(std::move(fd)), give_up_at_(now + kPatience) {}
  // Leaves in `running` those of which there is more to come.
  Parsed<> send_all(const Books& books, std::vector<CheckId>& running);
  Parsed<> send_ended(const Books& books, std::vector<CheckId>& running);

  static constexpr Nanos kPatience = 30 * kSecond;  // until it is ready

  os::Child child_;
  HandoverChannel channel_;
  Nanos give_up_at_;
};

// What the new gateway sees of the old one.
class Predecessor {
 public:
  // Of SONDE_HANDOVER, which is taken away; null: there is none. Waits for its hello.
  static Parsed<std::unique_ptr<Predecessor>> of_environment();

  std::string_view listen() const { return listen_; }  // of HandoverMessage
  // Its sockets, if they are those that `listen` means.
  std::vector<os::Fd> take_sockets(std::string_view listen);

  int fd() const { return channel_.fd(); }  // readable: time for follow()
  // This gateway answers requests; its books are held.
  Parsed<> tell_ready();
  // Does what has come. Begun: the books have all there is to know, and are to be held no longer. Over: nothing more
  // comes, since all is taken over, or the old one is gone or silent.
  enum class State : std::uint8_t { kWaiting, kBegun, kOver };
  State follow(const Books& books, Nanos now);

  // What it handed over of checks that are not there, or not yet; those of the same id replace what came before.
  std::vector<HandedCheck> take_unplaced() { return std::exchange(unplaced_, {}); }

 private:
  Predecessor(os::Fd fd, Nanos now) : channel_(std::move(fd)), give_up_at_(now + kPatience) {}
  void on_message(HandoverMessage message, const Books& books, Nanos now);
  void end(const Books& books);

  static constexpr Nanos kPatience = 60 * kSecond;  // more than that of the old one, which gives up first

  HandoverChannel channel_;
  std::string listen_;
  std::vector<os::Fd> sockets_;
  std::vector<HandedCheck> unplaced_;
  std::unordered_set<CheckId> running_;  // in the old one
  State state_ = State::kWaiting;
  Nanos give_up_at_;
};

}  // namespace sonde::gateway
