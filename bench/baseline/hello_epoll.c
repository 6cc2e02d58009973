// The floor of a lean TLS 1.2 handshake: the socket calls alone, in a bare epoll loop. Connect, send a ClientHello,
// read up to ServerHelloDone, send a close_notify, close with RST. No deadlines, no records, nothing is parsed or told.
//   hello_epoll FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT
// Prints one JSON line: handshakes, failed, seconds, rate, cpu_us_per_handshake (user and system of this process).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 256, kHelloBytes = 517 };  // the size of a lean hello, padded (RFC 7685)

static unsigned char hello[kHelloBytes];
static const unsigned char kFarewell[] = {21, 3, 3, 0, 2, 1, 0};
static const unsigned char kDone[] = {14, 0, 0, 0};  // ServerHelloDone

struct run {
  int epoll;
  uint32_t first;
  uint32_t addresses;
  uint16_t port;
  uint64_t total;
  uint64_t started;
  uint64_t in_flight;
  uint64_t done;
  uint64_t failed;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void make_hello(void) {
  static const unsigned char kHead[] = {
      22, 3, 1, (kHelloBytes - 5) >> 8, (kHelloBytes - 5) & 255, 1, 0, (kHelloBytes - 9) >> 8, (kHelloBytes - 9) & 255,
      3,  3};
  static const unsigned char kTail[] = {0, 4,  0xc0, 0x2b, 0xc0, 0x2f,                // no session id; two suites
                                        1, 0,  0,    0,                               // null compression; extensions
                                        0, 10, 0,    6,    0,    4,    0, 29, 0, 23,  // groups
                                        0, 11, 0,    2,    1,    0,                   // point formats
                                        0, 13, 0,    6,    0,    4,    4, 3,  8, 4,   // signatures
                                        0, 21, 0,    0};                              // padding
  memcpy(hello, kHead, sizeof kHead);
  unsigned char* tail = hello + sizeof kHead + 32;  // behind a random of zeros
  *tail++ = 0;                                      // session id
  memcpy(tail, kTail, sizeof kTail);
  size_t extensions = kHelloBytes - (size_t)(tail + 10 - hello);
  tail[8] = (unsigned char)(extensions >> 8);
  tail[9] = (unsigned char)(extensions & 255);
  size_t padding = kHelloBytes - (size_t)(tail + sizeof kTail - hello);
  tail[sizeof kTail - 2] = (unsigned char)(padding >> 8);
  tail[sizeof kTail - 1] = (unsigned char)(padding & 255);
}

static void finish(struct run* run, int fd, int ok) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  run->in_flight--;
  if (ok) {
    run->done++;
  } else {
    run->failed++;
  }
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd);
}

static void start_one(struct run* run) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(run->port),
                           .sin_addr.s_addr = htonl(run->first + (uint32_t)(run->started % run->addresses))};
  run->started++;
  if (connect(fd, (struct sockaddr*)&to, sizeof to) != 0 && errno != EINPROGRESS) die("connect");
  struct epoll_event want = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = (uint64_t)fd};
  if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &want) != 0) die("epoll_ctl");
  run->in_flight++;
}

// Edge-triggered: writable comes once, when it is connected.
static void handle(struct run* run, struct epoll_event* event) {
  int fd = (int)(event->data.u64 & 0xffffffff);
  if (event->events & (EPOLLERR | EPOLLHUP)) {
    finish(run, fd, 0);
    return;
  }
  if (!(event->events & EPOLLIN)) {
    if (send(fd, hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello) finish(run, fd, 0);
    return;
  }
  unsigned char answer[16384];
  ssize_t size = recv(fd, answer, sizeof answer, 0);
  if (size <= 0) {
    finish(run, fd, 0);
  } else if (size >= (ssize_t)sizeof kDone && memcmp(answer + size - sizeof kDone, kDone, sizeof kDone) == 0) {
    (void)!send(fd, kFarewell, sizeof kFarewell, MSG_NOSIGNAL);
    finish(run, fd, 1);
  }
}

static void loop(struct run* run, uint64_t most) {
  struct epoll_event events[kBatch];
  while (run->started < run->total || run->in_flight > 0) {
    while (run->in_flight < most && run->started < run->total) start_one(run);
    int count = epoll_wait(run->epoll, events, kBatch, 10000);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    if (count == 0) {
      fprintf(stderr, "nothing happened for 10 s with %llu in flight\n", (unsigned long long)run->in_flight);
      exit(1);
    }
    for (int i = 0; i < count; i++) handle(run, &events[i]);
  }
}

int main(int argc, char** argv) {
  struct in_addr first;
  if (argc != 6 || inet_pton(AF_INET, argv[1], &first) != 1) {
    fprintf(stderr, "usage: %s FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT\n", argv[0]);
    return 2;
  }
  struct run run = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                    .first = ntohl(first.s_addr),
                    .addresses = (uint32_t)strtoul(argv[2], NULL, 10),
                    .port = (uint16_t)strtoul(argv[3], NULL, 10),
                    .total = strtoull(argv[4], NULL, 10)};
  uint64_t most = strtoull(argv[5], NULL, 10);
  if (run.epoll < 0 || run.addresses == 0 || most == 0) die("start");
  make_hello();

  double begin = now();
  loop(&run, most);
  double elapsed = now() - begin;

  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"handshakes\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"rate\":%.0f,\"cpu_us_per_handshake\":%.3f}\n",
         (unsigned long long)run.done, (unsigned long long)run.failed, elapsed, (double)run.total / elapsed,
         cpu * 1e6 / (double)run.total);
  return 0;
}
