// The other side of the names and dns benchmarks: a name server that knows every name, as cheaply as it can be done, so
// that the client is what is measured. A is 127.x.y.z by a hash of the name, everything else is empty.
//   dns_stub PORT [all]
// On 127.0.0.1, or on all of 127.0.0.0/8. Prints "ready" when it listens; ends on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { kBatch = 64, kBytes = 1500 };

static char questions[kBatch][kBytes];
static struct sockaddr_in peers[kBatch];
static _Alignas(struct cmsghdr) char asked_at[kBatch][64];  // IP_PKTINFO: the answer comes from there
static struct iovec parts[kBatch];
static struct mmsghdr messages[kBatch];

// Turns the query into its answer, in place; gives the answer's length, 0 for what is no query.
static size_t answer(unsigned char* message, size_t size) {
  if (size < 17 || (message[2] & 0x80) != 0 || message[4] != 0 || message[5] != 1) return 0;
  size_t at = 12;
  uint32_t hash = 2166136261u;
  while (at < size && message[at] != 0) {
    for (size_t end = at + 1 + message[at]; at < end && at < size; ++at) hash = (hash ^ message[at]) * 16777619u;
  }
  if (at + 5 > size) return 0;
  const int is_a = message[at + 1] == 0 && message[at + 2] == 1;
  at += 5;
  message[2] |= 0x84;  // an answer, authoritative
  message[3] = 0x80;   // recursion available, no error
  memset(message + 6, 0, 6);
  if (!is_a) return at;
  message[7] = 1;
  const unsigned char record[16] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 127};
  memcpy(message + at, record, sizeof record);
  message[at + 13] = hash >> 16 & 0xff;
  message[at + 14] = hash >> 8 & 0xff;
  message[at + 15] = 1 + (hash & 0x7f);
  return at + sizeof record;
}

int main(int argc, char** argv) {
  if (argc != 2 && (argc != 3 || strcmp(argv[2], "all") != 0)) {
    fprintf(stderr, "usage: %s PORT [all]\n", argv[0]);
    return 2;
  }
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);  // as much as the kernel allows
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)strtoul(argv[1], NULL, 10)),
                           .sin_addr.s_addr = htonl(argc == 3 ? INADDR_ANY : INADDR_LOOPBACK)};
  const int on = argc == 3;
  setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (on) setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
  if (bind(fd, (struct sockaddr*)&at, sizeof at) != 0) {
    perror("bind");
    return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    for (int i = 0; i < kBatch; ++i) {
      parts[i] = (struct iovec){.iov_base = questions[i], .iov_len = kBytes - 16};
      messages[i].msg_hdr =
          (struct msghdr){.msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
      if (on) {
        messages[i].msg_hdr.msg_control = asked_at[i];
        messages[i].msg_hdr.msg_controllen = sizeof asked_at[i];
      }
    }
    const int came = recvmmsg(fd, messages, kBatch, MSG_WAITFORONE, NULL);
    int kept = 0;
    for (int i = 0; i < came; ++i) {
      const size_t size = answer((unsigned char*)questions[i], messages[i].msg_len);
      if (size == 0) continue;
      parts[i].iov_len = size;
      messages[kept++].msg_hdr = messages[i].msg_hdr;
    }
    for (int sent = 0; sent < kept;) {
      const int now = sendmmsg(fd, messages + sent, (unsigned)(kept - sent), 0);
      sent += now > 0 ? now : 1;  // what cannot be sent is lost, as datagrams are
    }
  }
}
