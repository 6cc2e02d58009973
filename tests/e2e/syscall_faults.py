"""System calls that the kernel refuses, at will and without patience for chance.

Two ways, both seccomp filters that a child puts upon itself before it becomes the program:
  forbid(name, error)   as a preexec_fn: the call fails with this errno, always; what a container's policy does.
  Faults(name, answer)  each call is put to a function of the test: 0 lets it pass, an errno is its answer. So a fault can
                        come in the middle of a run, at the same call every time.

Only what the program asks of the kernel by a system call is seen: not what runs inside an io_uring, nor the vDSO.
"""
import contextlib
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import threading

NUMBERS = {
    "x86_64": {"seccomp": 317, "socket": 41, "clock_gettime": 228, "io_uring_setup": 425, "io_uring_enter": 426},
    "aarch64": {"seccomp": 277, "socket": 198, "clock_gettime": 113, "io_uring_setup": 425, "io_uring_enter": 426},
}[os.uname().machine]

PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
NEW_LISTENER = 1 << 3
RET_ALLOW, RET_ERRNO, RET_USER_NOTIF = 0x7FFF0000, 0x00050000, 0x7FC00000
NOTIF_RECV, NOTIF_SEND, NOTIF_ID_VALID = 0xC0502100, 0xC0182101, 0x40082102
FLAG_CONTINUE = 1

LIBC = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):  # struct sock_fprog
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def install(call, verdict, flags=0, first_argument=None):
    """A filter that gives `verdict` on one system call (with this first argument), and lets all others pass."""
    def step(code, jump_true, jump_false, value):
        return struct.pack("=HBBI", code, jump_true, jump_false, value)

    load, equal, answer = 0x20, 0x15, 0x06
    code = [step(load, 0, 0, 0), step(equal, 0, 1 if first_argument is None else 3, NUMBERS[call])]
    if first_argument is not None:
        code += [step(load, 0, 0, 16), step(equal, 0, 1, first_argument)]
    code += [step(answer, 0, 0, verdict), step(answer, 0, 0, RET_ALLOW)]
    text = b"".join(code)
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    result = LIBC.syscall(NUMBERS["seccomp"], SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(Program(len(code), text)))
    if result < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return result


def forbid(call, error):
    """A preexec_fn: the call fails with this errno for the program and all that it starts."""
    return lambda: install(call, RET_ERRNO | error)


class Faults:
    """answer(n, call) is asked of the n-th call, from 0; call.pid and call.arguments tell more. `calls` counts them.

        with Faults("socket", lambda n, call: errno.ENOBUFS if n % 3 == 0 else 0) as faults:
            subprocess.run(…, preexec_fn=faults.install)
    """

    def __init__(self, call, answer, first_argument=None):
        self.call, self.answer, self.first_argument = call, answer, first_argument
        self.calls = self.refused = 0
        self.ours, self.childs = socket.socketpair()
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.ours.shutdown(socket.SHUT_RDWR)  # when no child came
        self.thread.join()
        self.ours.close()
        self.childs.close()

    def install(self):
        listener = install(self.call, RET_USER_NOTIF, NEW_LISTENER, self.first_argument)
        socket.send_fds(self.childs, [b"listener"], [listener])

    def _serve(self):
        with contextlib.suppress(OSError):
            _, (listener,), _, _ = socket.recv_fds(self.ours, 16, 1)
            try:
                poller = select.poll()
                poller.register(listener, select.POLLIN)
                while all(not events & select.POLLHUP for _, events in poller.poll()):  # nobody is left under the filter
                    self._serve_one(listener)
            finally:
                os.close(listener)

    def _serve_one(self, listener):
        request = bytearray(80)
        try:
            fcntl.ioctl(listener, NOTIF_RECV, request)
        except OSError as gone:
            if gone.errno == errno.ENOENT:  # the caller was killed meanwhile
                return
            raise
        call = Call(request)
        fault = self.answer(self.calls, call)
        self.calls += 1
        self.refused += fault not in (0, Call.DONE)
        passes = fault == 0
        reply = struct.pack("=QqiI", call.id, 0, 0 if fault == Call.DONE else -fault, FLAG_CONTINUE if passes else 0)
        with contextlib.suppress(OSError):
            fcntl.ioctl(listener, NOTIF_SEND, reply)


class Call:
    DONE = -1  # an answer: the test has done the call's work itself; it returns 0

    def __init__(self, request):
        self.id, self.pid = struct.unpack_from("=QI", request)
        self.arguments = struct.unpack_from("=6Q", request, 32)
