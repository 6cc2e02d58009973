import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { beforeEach, expect, test } from "vitest";
import { MetricsBatchSchema, type MetricsBatch } from "./gen/sonde/v1/stream_pb";
import { pauseMs, Stream, type Connection, type Told } from "./stream";

class FakeSocket {
  closed = false;
  constructor(readonly told: Told) {}
  frame(init: MessageInitShape<typeof MetricsBatchSchema>) {
    const bytes = toBinary(MetricsBatchSchema, create(MetricsBatchSchema, init));
    this.told.message(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }
}

let now: number;
let timers: { at: number; what: () => void }[];
let sockets: FakeSocket[];
let frames: MetricsBatch[];
let begun: boolean[];
let states: Connection[];
let random: number;
let stream: Stream;

function pass(ms: number) {
  const end = now + ms;
  for (;;) {
    const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
    if (!next) break;
    timers.splice(timers.indexOf(next), 1);
    now = next.at;
    next.what();
  }
  now = end;
}

beforeEach(() => {
  now = 1_000_000;
  timers = [];
  sockets = [];
  frames = [];
  states = [];
  begun = [];
  random = 0.5;
  stream = new Stream(
    {
      open: (told) => {
        const socket = new FakeSocket(told);
        sockets.push(socket);
        return () => (socket.closed = true);
      },
      now: () => now,
      random: () => random,
      after: (ms, what) => {
        const timer = { at: now + ms, what };
        timers.push(timer);
        return () => {
          if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
        };
      },
    },
    { began: (again) => begun.push(again), frame: (batch) => frames.push(batch), changed: (connection) => states.push(connection) },
  );
  stream.start();
});

const waiting = () => (stream.connection.kind === "waiting" ? stream.connection : { why: `it is ${stream.connection.kind}`, untilMs: NaN });

test("it is live from the first frame on", () => {
  expect(stream.connection.kind).toBe("connecting");
  sockets[0]!.frame({ sequence: 1n, first: true });
  sockets[0]!.frame({ sequence: 2n });
  expect(stream.connection.kind).toBe("live");
  expect([frames.length, begun, sockets.length]).toEqual([2, [false], 1]);
});

test("a gap in the sequence begins a new connection", () => {
  sockets[0]!.frame({ sequence: 1n, first: true });
  sockets[0]!.frame({ sequence: 3n });
  expect(waiting().why).toBe("frames are missing between 1 and 3");
  expect([frames.length, sockets[0]!.closed]).toEqual([1, true]);
  pass(waiting().untilMs - now);
  expect(sockets).toHaveLength(2);
  sockets[1]!.frame({ sequence: 1n, first: true });
  expect([stream.connection.kind, begun]).toEqual(["live", [false, false]]);
});

test("a stream that does not begin with its first frame is not taken", () => {
  sockets[0]!.frame({ sequence: 1n });
  expect(waiting().why).toBe("the stream did not begin with its first frame");
  expect(frames).toHaveLength(0);
});

test("a frame marked as first replaces everything wherever it comes", () => {
  sockets[0]!.frame({ sequence: 1n, first: true });
  sockets[0]!.frame({ sequence: 1n, first: true });
  sockets[0]!.frame({ sequence: 2n });
  expect([stream.connection.kind, begun, frames.length]).toEqual(["live", [false, true], 3]);
});

test("a scan's frames each stand alone", () => {
  sockets[0]!.frame({ sequence: 5n, scan: { records: 1n } });
  sockets[0]!.frame({ sequence: 9n, scan: { records: 2n } });
  expect([stream.connection.kind, frames.length]).toEqual(["live", 2]);
});

test("an unreadable frame is said and ends only the connection", () => {
  sockets[0]!.frame({ sequence: 1n, first: true });
  sockets[0]!.told.message(new Uint8Array([0x0a, 0xff]).buffer);
  expect(waiting().why).toMatch(/^a frame could not be read \(.+\)$/);
  pass(waiting().untilMs - now);
  sockets[1]!.told.message("<b>hello</b>");
  expect(waiting().why).toBe("a frame could not be read (text where a binary frame belongs)");
  pass(waiting().untilMs - now);
  expect(sockets).toHaveLength(3);
});

test("pauses double with jitter between one second and thirty, and no socket is left open", () => {
  random = 0.999999;
  const pauses = [];
  for (let i = 0; i < 8; i++) {
    sockets.at(-1)!.told.closed(1006, "");
    pauses.push(Math.round((waiting().untilMs - now) / 1000));
    pass(waiting().untilMs - now);
  }
  expect(pauses).toEqual([2, 4, 8, 16, 30, 30, 30, 30]);
  expect(sockets.map((socket) => socket.closed)).toEqual([...Array<boolean>(8).fill(true), false]);
  expect([pauseMs(1, 0), pauseMs(50, 0), pauseMs(1e9, 1)]).toEqual([1000, 1000, 30_000]);
});

test("a connection that lasted makes the pauses small again, one that breaks at once does not", () => {
  random = 0.999999;
  for (let i = 0; i < 4; i++) {
    sockets.at(-1)!.frame({ sequence: 1n, first: true });
    sockets.at(-1)!.told.closed(1006, "");
    pass(waiting().untilMs - now);
  }
  sockets.at(-1)!.frame({ sequence: 1n, first: true });
  pass(10_000);
  sockets.at(-1)!.told.closed(1006, "");
  expect(Math.round((waiting().untilMs - now) / 1000)).toBe(2);
});

test("silence is a broken connection, before the first frame and after", () => {
  pass(9_999);
  expect(stream.connection.kind).toBe("connecting");
  pass(1);
  expect(waiting().why).toBe("the gateway did not answer");
  pass(waiting().untilMs - now);
  for (let i = 1n; i < 5n; i++) {
    sockets.at(-1)!.frame({ sequence: i, first: i === 1n });
    pass(14_000);
  }
  expect(stream.connection.kind).toBe("live");
  pass(1_000);
  expect(waiting().why).toBe("the gateway fell silent");
});

test("starting again while it waits connects at once, and only once", () => {
  sockets[0]!.told.closed(1013, "");
  expect(waiting().why).toBe("the gateway has too many viewers");
  stream.start();
  stream.start();
  pass(5_000);
  expect(sockets).toHaveLength(2);
  stream.stop();
  pass(60_000);
  expect([sockets.length, stream.connection.kind, timers.length]).toEqual([2, "closed", 0]);
});

test("a closed socket has no say", () => {
  sockets[0]!.frame({ sequence: 1n, first: true });
  sockets[0]!.frame({ sequence: 9n });
  sockets[0]!.frame({ sequence: 1n, first: true });
  sockets[0]!.told.closed(1006, "");
  expect([frames.length, waiting().why]).toEqual([1, "frames are missing between 1 and 9"]);
});
