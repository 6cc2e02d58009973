#include "doctor/engine_advice.h"

namespace sonde::doctor {

EngineAdvice engine_advice(const Machine& machine) {
  const io::UringFeatures& has = machine.uring;
  return {
      .usable = has.usable(),
      .why_not = has.why_not(),
      .features =
          {
              {"set_up", has.set_up, true, "5.1", "io_uring at all; without it epoll carries everything"},
              {"direct_sockets", has.direct_sockets, true, "5.19",
               "sockets in a ring's own table: more connections than the process may have descriptors"},
              {"buffer_rings", has.buffer_rings, true, "5.19",
               "reads land in shared buffers: none is tied to an idle connection"},
              {"single_issuer", has.single_issuer, false, "6.0",
               "a ring of one worker takes no lock; without it, a little more processor time"},
              {"defer_taskrun", has.defer_taskrun, false, "6.1",
               "completions run when the worker asks; without it they interrupt it"},
              {"fd_install", has.fd_install, false, "6.8",
               "asks a direct descriptor why it timed out (TCP_INFO); without it `tcp` and some of `cause` stay empty "
               "with io_uring"},
          },
      .used_when = {"--engine auto, wherever it is usable", "--engine uring"},
  };
}

}  // namespace sonde::doctor
