// netlab_line: a delay line between two network namespaces, for kernels without netem. Two TUN devices, one in each,
// and this process carries the packets between them with delay, jitter, loss and rate. Says "ready" when packets pass;
// ends by SIGTERM or SIGINT with its counts as one JSON object. Needs root. The namespaces must exist.
//
//   ip netns add a; ip netns add b
//   netlab_line --left a:10.9.0.1/24 --right b:10.9.0.2/24 --delay 10ms --jitter 1ms --loss 0.01 --rate 1M --seed 1
#include <fmt/core.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include "config/values.h"
#include "netlab/path.h"
#include "netlab/tun.h"
#include "os/error.h"

namespace sonde::netlab {
namespace {

constexpr std::string_view kUsage =
    "netlab_line --left NS:address/prefix[,…] --right NS:address/prefix[,…]\n"
    "  --delay 10ms    one way, in both directions (0)\n"
    "  --jitter 1ms    uniform, plus or minus (0)\n"
    "  --loss 0.01     the probability for each packet, in each direction (0)\n"
    "  --rate 1M       bytes a second in each direction (no limit)\n"
    "  --queue 1000    packets that wait for the rate; more are dropped\n"
    "  --seed 1        of loss and jitter; the direction to the left has seed + 1\n"
    "  --reorder yes   jitter may change the order (no)\n";

volatile std::sig_atomic_t stopped = 0;

Nanos clock_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

struct Options {
  PathOptions path;
  std::optional<End> left;
  std::optional<End> right;
};

template <typename T, typename U>
Parsed<> take(Parsed<T> parsed, U& out) {
  if (!parsed) return std::unexpected(parsed.error());
  out = *parsed;
  return {};
}

Parsed<double> parse_probability(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || !(value >= 0 && value <= 1))
    return input_error("'" + std::string(text) + "' is not a probability: 0 to 1");
  return value;
}

Parsed<> set(Options& options, std::string_view name, std::string_view value) {
  if (name == "--left") return take(parse_end(value), options.left);
  if (name == "--right") return take(parse_end(value), options.right);
  if (name == "--delay") return take(config::parse_duration(value), options.path.delay);
  if (name == "--jitter") return take(config::parse_duration(value), options.path.jitter);
  if (name == "--loss") return take(parse_probability(value), options.path.loss);
  if (name == "--rate") return take(config::parse_bytes(value), options.path.rate_bps);
  if (name == "--queue") return take(config::parse_count(value, 1, 1'000'000), options.path.queue_packets);
  if (name == "--seed") return take(config::parse_seed(value), options.path.seed);
  if (name == "--reorder") return take(config::parse_boolean(value), options.path.reorder);
  return input_error("there is no such option");
}

Parsed<Options> parse(std::span<char* const> words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return input_error(std::string(words[i]) + ": a value is missing");
    if (const auto done = set(options, words[i], words[i + 1]); !done)
      return input_error(std::string(words[i]) + ": " + done.error().text);
  }
  if (!options.left || !options.right) return input_error("--left and --right are needed");
  if (options.path.jitter > options.path.delay) return input_error("--jitter is more than --delay");
  return options;
}

// One direction with its ends, and what its real time was like.
struct Direction {
  Direction(Tun& from_end, Tun& to_end, const PathOptions& options) : from(from_end), to(to_end), path(options) {}

  // At most a batch, so that what is due in the other direction does not wait for long. A packet's time is read behind
  // the packet: none is ever handed out early.
  void take() {
    constexpr int kBatch = 64;
    std::array<std::byte, Tun::kMtu> buffer;
    for (int i = 0; i < kBatch; ++i) {
      const auto packet = from.read(buffer);
      if (packet.empty()) return;
      path.offer(clock_now(), packet);
    }
  }

  void deliver(Nanos now) {
    path.deliver(now, [&](Nanos due, std::span<const std::byte> packet) {
      if (!to.write(packet)) ++write_failed;
      late_sum += now - due;
      late_max = std::max(late_max, now - due);
    });
  }

  std::string json() const {
    const PathCounts& counts = path.counts();
    const Nanos late_mean = counts.delivered == 0 ? 0 : late_sum / static_cast<Nanos>(counts.delivered);
    return fmt::format(
        R"({{"packets":{},"bytes":{},"delivered":{},"lost":{},"queue_dropped":{},"in_flight_dropped":{},"unfinished":{},)"
        R"("write_failed":{},"kernel_dropped":{},"late_us_mean":{},"late_us_max":{}}})",
        counts.packets, counts.bytes, counts.delivered, counts.lost, counts.queue_dropped, counts.in_flight_dropped,
        path.in_flight(), write_failed, from.kernel_dropped(), late_mean / kMicrosecond, late_max / kMicrosecond);
  }

  Tun& from;
  Tun& to;
  Path path;
  std::uint64_t write_failed = 0;  // of those delivered
  Nanos late_sum = 0;
  Nanos late_max = 0;
};

void carry(Direction& rightward, Direction& leftward, const sigset_t& while_waiting) {
  std::array<pollfd, 2> polled = {pollfd{.fd = rightward.from.fd(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = leftward.from.fd(), .events = POLLIN, .revents = 0}};
  while (stopped == 0) {
    const Nanos due = std::min(rightward.path.next_due(), leftward.path.next_due());
    const Nanos wait = due == kNever ? 0 : std::max<Nanos>(due - clock_now(), 0);
    const timespec timeout{.tv_sec = wait / kSecond, .tv_nsec = wait % kSecond};
    if (ppoll(polled.data(), polled.size(), due == kNever ? nullptr : &timeout, &while_waiting) < 0) continue;
    if (polled[0].revents != 0) rightward.take();
    if (polled[1].revents != 0) leftward.take();
    const Nanos now = clock_now();
    rightward.deliver(now);
    leftward.deliver(now);
  }
}

// The stop signals come only while the loop waits, so that none is missed between its question and its wait.
sigset_t catch_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { stopped = 1; };
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT}) {
    sigaction(signal, &action, nullptr);
    sigaddset(&blocked, signal);
  }
  sigprocmask(SIG_BLOCK, &blocked, &before);
  sigdelset(&before, SIGTERM);
  sigdelset(&before, SIGINT);
  return before;
}

// A line that waits for a processor behind the programs it serves adds their load to its delay. Where the kernel does
// not allow it the line is late more often, and its counts show that.
void be_punctual() {
  prctl(PR_SET_TIMERSLACK, 1);  // the default lets every wait be 50 µs late
  const sched_param priority{.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) setpriority(PRIO_PROCESS, 0, -20);
}

int run(const Options& options) {
  const sigset_t while_waiting = catch_signals();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  be_punctual();
  auto left = Tun::make(*options.left);
  auto right = left ? Tun::make(*options.right) : Result<Tun>();
  if (!left || !right) {
    fmt::print(stderr, "netlab_line: the {} end: {}\n", left ? "right" : "left",
               os::describe(left ? right.error() : left.error()));
    return 1;
  }
  PathOptions to_left = options.path;
  ++to_left.seed;
  Direction rightward(*left, *right, options.path);
  Direction leftward(*right, *left, to_left);
  fmt::print("ready\n");
  std::fflush(stdout);
  carry(rightward, leftward, while_waiting);
  fmt::print("{{\"left_to_right\":{},\"right_to_left\":{}}}\n", rightward.json(), leftward.json());
  return 0;
}

}  // namespace
}  // namespace sonde::netlab

int main(int argc, char** argv) {
  const auto options = sonde::netlab::parse(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
  if (!options) {
    fmt::print(stderr, "netlab_line: {}\n{}", options.error().text, sonde::netlab::kUsage);
    return 2;
  }
  return sonde::netlab::run(*options);
}
