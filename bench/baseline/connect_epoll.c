// The bar for connecting: a bare epoll loop that keeps N connects in flight over a block of addresses and closes each
// with RST when it is done. No deadlines, no records, no limits: only what the kernel asks for.
//   connect_epoll FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT
// Prints one JSON line: connects, failed, seconds, rate, cpu_us_per_connect (user and system of this process).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 256 };

struct run {
  int epoll;
  uint32_t first;
  uint32_t addresses;
  uint16_t port;
  uint64_t total;
  uint64_t started;
  uint64_t in_flight;
  uint64_t connected;
  uint64_t failed;
};

static double seconds(struct timespec t) { return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return seconds(t);
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void finish(struct run* run, int fd, int connected) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  if (connected) {
    run->connected++;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  } else {
    run->failed++;
  }
  close(fd);
}

static void start_one(struct run* run) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(run->port),
                           .sin_addr.s_addr = htonl(run->first + (uint32_t)(run->started % run->addresses))};
  run->started++;
  if (connect(fd, (struct sockaddr*)&to, sizeof to) == 0) {
    finish(run, fd, 1);
    return;
  }
  if (errno != EINPROGRESS) {
    finish(run, fd, 0);
    return;
  }
  struct epoll_event want = {.events = EPOLLOUT | EPOLLET, .data.fd = fd};
  if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &want) != 0) die("epoll_ctl");
  run->in_flight++;
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
    for (int i = 0; i < count; i++) {
      int error = 0;
      socklen_t size = sizeof error;
      if (events[i].events & EPOLLERR) getsockopt(events[i].data.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      run->in_flight--;
      finish(run, events[i].data.fd, error == 0 || error == ECONNRESET);  // a reset comes after the SYN-ACK
    }
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

  double begin = now();
  loop(&run, most);
  double elapsed = now() - begin;

  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"connects\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"rate\":%.0f,\"cpu_us_per_connect\":%.3f}\n",
         (unsigned long long)run.connected, (unsigned long long)run.failed, elapsed, (double)run.total / elapsed,
         cpu * 1e6 / (double)run.total);
  return 0;
}
