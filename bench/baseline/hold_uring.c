// The bar for holding: the bare io_uring program that opens TOTAL connections over a block of addresses and keeps them.
// Direct descriptors only: a ring's table is bounded by the limit of open files, the number of rings is not, so one
// process holds more than it may open. socket and connect are linked on a fixed slot; rings are filled one after
// another. No deadlines, no records, no lifecycle: only what the kernel asks for.
//   hold_uring FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT [SECONDS]
// Prints one JSON line when all are open or have failed: connects, failed, seconds (to open them), rss_kb (of the
// process then), bytes_per_connection_user (what its resident memory grew by, rings included). Then keeps them until
// its standard input ends, or for SECONDS.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
  kQueue = 1024,       // submissions of a ring at once: two a connection
  kMostSlots = 32768,  // descriptors of a ring
  kSpare = 1000,       // of the limit, for everything else
  kPatienceS = 20
};
static const uint64_t kSocket = UINT64_MAX;  // user_data; a connect has 0

struct run {
  uint32_t first;
  uint32_t addresses;
  uint16_t port;
  uint64_t total;
  uint64_t most;  // in flight
  uint64_t started;
  uint64_t connected;
  uint64_t failed;
  int first_error;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char* what, int error) {
  fprintf(stderr, "%s: %s\n", what, strerror(error));
  exit(1);
}

static uint64_t rss_kb(void) {
  unsigned long long size = 0, resident = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%llu %llu", &size, &resident) != 2) die("/proc/self/statm", EIO);
  fclose(file);
  return resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static unsigned slots_of_a_ring(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit", errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit", errno);
  if (limit.rlim_cur <= 2 * kSpare) die("the limit of open files is too low", EMFILE);
  return (unsigned)(limit.rlim_cur > kMostSlots ? kMostSlots : limit.rlim_cur) - kSpare;
}

static void open_ring(struct io_uring* ring, unsigned slots) {
  struct io_uring_params how = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                .cq_entries = 2 * kQueue};
  int error = io_uring_queue_init_params(kQueue, ring, &how);
  if (error != 0) die("io_uring_setup", -error);
  error = io_uring_register_files_sparse(ring, slots);
  if (error != 0) die("io_uring_register_files_sparse", -error);
}

// Both at once: the address is read when they are submitted.
static void start_one(struct run* run, struct io_uring* ring, unsigned slot, struct sockaddr_in* to) {
  *to = (struct sockaddr_in){.sin_family = AF_INET,
                             .sin_port = htons(run->port),
                             .sin_addr.s_addr = htonl(run->first + (uint32_t)(run->started % run->addresses))};
  run->started++;
  struct io_uring_sqe* sqe = io_uring_get_sqe(ring);
  io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, slot, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
  io_uring_sqe_set_data64(sqe, kSocket);
  sqe = io_uring_get_sqe(ring);
  io_uring_prep_connect(sqe, (int)slot, (struct sockaddr*)to, sizeof *to);
  io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
}

// Takes what has completed; returns how many connects that were.
static unsigned reap(struct run* run, struct io_uring* ring) {
  struct io_uring_cqe* cqe;
  unsigned head, seen = 0, connects = 0;
  io_uring_for_each_cqe(ring, head, cqe) {
    seen++;
    if (cqe->res < 0 && run->first_error == 0) run->first_error = -cqe->res;
    if (cqe->user_data == kSocket) continue;  // it failed; its connect is cancelled, and counts
    connects++;
    if (cqe->res == 0) {
      run->connected++;
    } else {
      run->failed++;
    }
  }
  io_uring_cq_advance(ring, seen);
  return connects;
}

static void fill(struct run* run, struct io_uring* ring, unsigned slots) {
  static struct sockaddr_in addresses[kQueue / 2];
  unsigned used = 0, in_flight = 0;
  while ((used < slots && run->started < run->total) || in_flight > 0) {
    for (unsigned i = 0; i < kQueue / 2 && in_flight < run->most && used < slots && run->started < run->total; i++) {
      start_one(run, ring, used++, &addresses[i]);
      in_flight++;
    }
    struct __kernel_timespec patience = {.tv_sec = kPatienceS};
    struct io_uring_cqe* cqe;
    int got = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &patience, NULL);
    if (got < 0 && got != -EINTR) die("io_uring_enter", -got);
    in_flight -= reap(run, ring);
  }
}

static uint64_t number(const char* text) {
  char* end;
  uint64_t value = strtoull(text, &end, 10);
  if (*text == 0 || *end != 0 || value == 0) {
    fprintf(stderr, "'%s' is not a number of 1 or more\n", text);
    exit(2);
  }
  return value;
}

int main(int argc, char** argv) {
  struct in_addr first;
  if ((argc != 6 && argc != 7) || inet_pton(AF_INET, argv[1], &first) != 1) {
    fprintf(stderr, "usage: %s FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT [SECONDS]\n", argv[0]);
    return 2;
  }
  struct run run = {.first = ntohl(first.s_addr),
                    .addresses = (uint32_t)number(argv[2]),
                    .port = (uint16_t)number(argv[3]),
                    .total = number(argv[4]),
                    .most = number(argv[5])};
  uint64_t before_kb = rss_kb();
  unsigned slots = slots_of_a_ring();
  uint64_t rings = (run.total + slots - 1) / slots;
  struct io_uring* ring = calloc(rings, sizeof *ring);
  if (ring == NULL) die("calloc", errno);

  double begin = now();
  for (uint64_t i = 0; i < rings; i++) {
    open_ring(&ring[i], run.total < slots ? (unsigned)run.total : slots);
    fill(&run, &ring[i], slots);
  }
  double elapsed = now() - begin;

  uint64_t after_kb = rss_kb();
  printf("{\"connects\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"rss_kb\":%llu,\"bytes_per_connection_user\":%.1f}\n",
         (unsigned long long)run.connected, (unsigned long long)run.failed, elapsed, (unsigned long long)after_kb,
         (double)(after_kb - before_kb) * 1024 / (double)run.total);
  fflush(stdout);
  if (run.failed != 0) fprintf(stderr, "the first failure: %s\n", strerror(run.first_error));

  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  poll(&input, 1, argc == 7 ? (int)number(argv[6]) * 1000 : -1);
  return 0;
}
