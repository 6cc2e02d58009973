// The other side of the connect benchmarks: one listener on every loopback address that accepts, as cheaply as it can
// be done, so that the client is what is measured. A connection is kept until kKept later ones have come: by then the
// client has ended it, so that no client meets a close of ours.
//   sink PORT
// Prints "ready" when it listens; ends on SIGTERM or when its standard input ends.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kKept = 16384 };

static int kept[kKept];

// As many descriptors as are allowed, of which some are for other things.
static unsigned kept_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 512;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > kKept + 64 ? kKept : (unsigned)limit.rlim_cur - 64;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)strtoul(argv[1], NULL, 10)),
                           .sin_addr.s_addr = htonl(INADDR_ANY)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);  // accepted sockets inherit it
  if (bind(listener, (struct sockaddr*)&at, sizeof at) != 0 || listen(listener, 65535) != 0) {
    perror("listen");
    return 1;
  }
  puts("ready");
  fflush(stdout);

  struct pollfd watched[2] = {{.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  unsigned limit = kept_limit();
  for (unsigned long accepted = 0;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
      int* slot = &kept[accepted++ % limit];
      if (accepted > limit) close(*slot);
      *slot = fd;
      continue;
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
      perror("accept4");
      return 1;
    }
    if (errno == EAGAIN && poll(watched, 2, -1) > 0 && watched[1].revents != 0) return 0;
  }
}
