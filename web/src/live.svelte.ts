// What the views look at: the mirror that is shown, the connection, the clocks. The mirror's objects are plain; views
// that read them read `live.frame` first and so come again with each frame.
import { Clock } from "./clock";
import type { MetricsBatch } from "./gen/sonde/v1/stream_pb";
import type { ScanReport } from "./gen/sonde/v1/scan_report_pb";
import { Mirror } from "./store";
import { Stream, type Connection } from "./stream";

const PROBLEM_SHOWN_MS = 60_000;

class Live {
  mirror = $state.raw(new Mirror()); // complete, but for the very first
  frame = $state(0); // rises when the mirror changed, at most once an animation frame
  connection = $state.raw<Connection>({ kind: "connecting" });
  arriving = $state.raw<{ have: number; total: number }>(); // of a picture that is not whole yet
  heardMs = $state(0); // this device's clock at the last frame; 0: never
  nowMs = $state(Date.now()); // the gateway's clock, as far as it is known; moves each second
  problem = $state(""); // an unreadable frame, told for a while
  applyMs = $state(0); // what the last frame cost
  scan = $state.raw<ScanReport>();

  readonly clock = new Clock();
  private pending: Mirror | undefined; // the picture that arrives
  private drawn = true;
  private problemMs = 0;
  private readonly stream: Stream;

  constructor() {
    this.stream = new Stream(
      {
        open: (told) => {
          const socket = new WebSocket(new URL("api/v1/stream", document.baseURI.replace(/^http/, "ws")));
          socket.binaryType = "arraybuffer";
          socket.onmessage = ({ data }) => told.message(data);
          socket.onclose = ({ code, reason }) => told.closed(code, reason);
          return () => socket.close();
        },
        now: () => performance.now(),
        random: Math.random,
        after: (ms, what) => {
          const timer = setTimeout(what, ms);
          return () => clearTimeout(timer);
        },
      },
      { began: (again) => (this.pending = new Mirror(again ? new Map((this.pending ?? this.mirror).groups) : undefined)), frame: (batch) => this.received(batch), changed: (connection) => this.changed(connection) },
    );
  }

  start(): void {
    this.stream.start();
    setInterval(() => this.tick(), 1000);
    addEventListener("online", () => this.stream.start());
  }

  reconnect(): void {
    this.stream.start();
  }

  /** Seconds until the next attempt, or undefined. */
  get retryInS(): number | undefined {
    void this.nowMs;
    return this.connection.kind === "waiting" ? Math.max(0, Math.ceil((this.connection.untilMs - performance.now()) / 1000)) : undefined;
  }

  /** What is shown is not what is: no frame came for a while, or none can. */
  get stale(): boolean {
    return this.mirror.complete && (this.connection.kind !== "live" || this.pending !== undefined || this.silentMs > 5000);
  }

  get silentMs(): number {
    void this.nowMs;
    return this.heardMs === 0 ? 0 : Math.max(0, Date.now() - this.heardMs);
  }

  private received(batch: MetricsBatch): void {
    const began = performance.now();
    this.heardMs = Date.now();
    this.clock.heard(this.heardMs, Number(batch.timeUs) / 1000);
    if (batch.scan) {
      this.scan = batch.scan;
      return;
    }
    const mirror = this.pending ?? this.mirror;
    mirror.apply(batch);
    if (this.pending && mirror.complete) {
      this.mirror = mirror;
      this.pending = undefined;
      this.tick();
    }
    this.arriving = this.pending ? { have: mirror.checks.size, total: mirror.checks.size + mirror.following } : undefined;
    this.applyMs = performance.now() - began;
    if (!this.drawn) return;
    this.drawn = false;
    requestAnimationFrame(() => {
      this.drawn = true;
      this.frame++;
    });
  }

  private changed(connection: Connection): void {
    this.connection = connection;
    if (connection.kind !== "live") {
      this.pending = undefined;
      this.arriving = undefined;
    }
    if (connection.kind === "waiting" && /could not be read|missing|first frame/.test(connection.why)) {
      this.problem = connection.why;
      this.problemMs = Date.now();
    }
  }

  private tick(): void {
    this.nowMs = this.clock.now(Date.now());
    if (this.problem !== "" && Date.now() - this.problemMs > PROBLEM_SHOWN_MS) this.problem = "";
  }
}

export const live = new Live();
