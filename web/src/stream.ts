// The connection to the gateway's stream: opens it, checks its frames' order, begins anew with growing pauses when it
// breaks. A state machine without the browser: time, chance and the socket come from outside.
import { fromBinary } from "@bufbuild/protobuf";
import { MetricsBatchSchema, type MetricsBatch } from "./gen/sonde/v1/stream_pb";

const PAUSE_LEAST_MS = 1000;
const PAUSE_MOST_MS = 30_000;
const OPEN_MOST_MS = 10_000; // until the first frame
const SILENCE_MOST_MS = 15_000; // between frames; the gateway sends one a second
const STEADY_MS = 10_000; // a connection that lasted so long was a good one: pauses begin small again

export type Connection =
  | { kind: "connecting" }
  | { kind: "live" } // frames arrive
  | { kind: "waiting"; untilMs: number; why: string }
  | { kind: "closed" };

/** What a WebSocket tells. Calls after it was closed are ignored. */
export interface Told {
  message(data: unknown): void; // an ArrayBuffer, or text
  closed(code: number, reason: string): void;
}

export interface Surroundings {
  open(told: Told): () => void; // returns what closes it
  now(): number; // ms, rising
  random(): number; // [0, 1)
  after(ms: number, what: () => void): () => void; // returns what calls it off
}

export interface Listener {
  began(again: boolean): void; // a first frame is about to come; again: on a connection that had one
  frame(batch: MetricsBatch): void;
  changed(connection: Connection): void;
}

/** The pause before attempt `failures` + 1, ms: between one second and a bound that doubles up to thirty. */
export function pauseMs(failures: number, random: number): number {
  const most = Math.min(PAUSE_MOST_MS, PAUSE_LEAST_MS * 2 ** Math.min(failures, 10));
  return PAUSE_LEAST_MS + random * (most - PAUSE_LEAST_MS);
}

export class Stream {
  connection: Connection = { kind: "closed" };
  private close: (() => void) | undefined; // of the socket; undefined: there is none
  private callOff: () => void = () => {};
  private failures = 0;
  private sequence = 0n; // of the last frame; 0: none yet
  private liveSince = 0;

  constructor(private readonly around: Surroundings, private readonly listener: Listener) {}

  /** Connects at once; also while it waits. */
  start(): void {
    if (this.close) return;
    this.callOff();
    this.sequence = 0n;
    this.become({ kind: "connecting" });
    let close: () => void;
    try {
      close = this.around.open({
        message: (data) => close === this.close && this.received(data),
        closed: (code, reason) => close === this.close && this.broke(closedWhy(code, reason, this.connection.kind === "live")),
      });
    } catch (error) {
      this.broke(error instanceof Error ? error.message : String(error));
      return;
    }
    this.close = close;
    this.expectWithin(OPEN_MOST_MS, "the gateway did not answer");
  }

  stop(): void {
    this.drop();
    this.become({ kind: "closed" });
  }

  private received(data: unknown): void {
    let batch: MetricsBatch;
    try {
      if (!(data instanceof ArrayBuffer)) throw new Error("text where a binary frame belongs");
      batch = fromBinary(MetricsBatchSchema, new Uint8Array(data));
    } catch (error) {
      this.broke(`a frame could not be read (${error instanceof Error ? error.message : String(error)})`);
      return;
    }
    // A scan's frame has everything in it: none is missed.
    if (!batch.scan && !batch.first && (this.sequence === 0n || batch.sequence !== this.sequence + 1n)) {
      this.broke(this.sequence === 0n ? "the stream did not begin with its first frame" : `frames are missing between ${this.sequence} and ${batch.sequence}`);
      return;
    }
    const again = this.sequence !== 0n;
    this.sequence = batch.sequence;
    if (this.connection.kind !== "live") {
      this.liveSince = this.around.now();
      this.become({ kind: "live" });
    }
    if (batch.first) this.listener.began(again);
    this.expectWithin(SILENCE_MOST_MS, "the gateway fell silent");
    this.listener.frame(batch);
  }

  private broke(why: string): void {
    if (this.connection.kind === "live" && this.around.now() - this.liveSince >= STEADY_MS) this.failures = 0;
    this.drop();
    const pause = pauseMs(++this.failures, this.around.random());
    this.callOff = this.around.after(pause, () => this.start());
    this.become({ kind: "waiting", untilMs: this.around.now() + pause, why });
  }

  private drop(): void {
    this.callOff();
    this.callOff = () => {};
    const close = this.close;
    this.close = undefined;
    close?.();
  }

  private expectWithin(ms: number, otherwise: string): void {
    this.callOff();
    this.callOff = this.around.after(ms, () => this.broke(otherwise));
  }

  private become(connection: Connection): void {
    this.connection = connection;
    this.listener.changed(connection);
  }
}

function closedWhy(code: number, reason: string, wasLive: boolean): string {
  if (reason !== "") return `the gateway closed the stream: ${reason}`;
  if (code === 1001) return "the gateway goes away";
  if (code === 1008) return "the gateway refused this viewer";
  if (code === 1013) return "the gateway has too many viewers";
  return wasLive ? "the connection to the gateway broke" : "no connection to the gateway";
}
