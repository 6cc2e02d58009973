// The mirror: what the gateway has told over one connection, as plain objects outside of the views' reactivity.
//
// A connection begins with a picture of all checks in several frames; until it is whole the mirror is not `complete`,
// and whoever shows one goes on showing the one before. Nothing here knows of the browser.
import { CheckStatus, type CheckGroup, type CheckUpdate, type GatewayStatus, type MetricsBatch } from "./gen/sonde/v1/stream_pb";
import { encodeResult } from "./latency";

export const RECENT_MOST = 40; // results kept of a check, for its sparkline
const TRANSITIONS_MOST = 5000;
const TRANSITIONS_KEPT_MS = 3600_000;
const TEXT_MOST = 4096; // of a cause or an error: the gateway cuts at 1024, others may not

export const STATES = ["down", "flapping", "unknown", "up"] as const; // worst first
export type State = (typeof STATES)[number];

export function stateOf(status: CheckStatus): State {
  switch (status) {
    case CheckStatus.UP: return "up";
    case CheckStatus.DOWN: return "down";
    case CheckStatus.FLAPPING: return "flapping";
    default: return "unknown"; // also one that this page does not know
  }
}

export interface Group {
  name: string;
  module: string;
  labels: [name: string, value: string][];
  intervalMs: number;
  priority: string;
  text: string; // name, module and label values in lower case, for the search
}

export interface Check {
  id: string; // 16 hex digits, as in the API
  target: string;
  group: Group;
  state: State;
  sinceMs: number;
  lastMs: number; // 0: it has not run
  success: boolean;
  durationUs: number;
  why: string; // of its last failure: `connect timeout: syn_unanswered`
  error: string;
  recent: Uint8Array; // the last `recentCount` bytes, oldest first
  recentCount: number;
  removed: boolean;
  version: number; // rises whenever something above changes
}

export interface Change {
  id: string;
  timeMs: number;
  from: State;
  to: State;
  why: string;
}

export const idText = (id: bigint): string => id.toString(16).padStart(16, "0");

/** The same words as the gateway's transitions have. */
export function whyOf(update: { phase: string; outcome: string; cause: string }): string {
  const words = [update.phase, update.outcome].filter((word) => word !== "").join(" ");
  return (update.cause === "" ? words : `${words}: ${update.cause}`).slice(0, TEXT_MOST);
}

const NO_GROUP: Group = { name: "?", module: "?", labels: [], intervalMs: 0, priority: "", text: "" };

export class Mirror {
  readonly checks = new Map<bigint, Check>();
  readonly counts: Record<State, number> = { down: 0, flapping: 0, unknown: 0, up: 0 };
  gateway: GatewayStatus | undefined;
  changes: Change[] = []; // of the last hour, oldest first
  complete = false;
  following = 0;
  timeMs = 0; // the sender's clock in the last frame
  membership = 0; // rises when a check comes or goes
  frame = 0; // rises with each frame

  /** groups: those that the connection told before, if its picture begins again; their indices stay. */
  constructor(readonly groups = new Map<number, Group>()) {}

  apply(batch: MetricsBatch): void {
    this.frame++;
    this.timeMs = Number(batch.timeUs) / 1000;
    if (batch.gateway) this.gateway = batch.gateway;
    for (const group of batch.groups) this.groups.set(group.index, groupOf(group));
    for (const update of batch.checks) this.update(update);
    for (const id of batch.removed) this.remove(id);
    for (const { id, timeMs, from, to, cause } of batch.transitions)
      this.changes.push({ id: idText(id), timeMs: Number(timeMs), from: stateOf(from), to: stateOf(to), why: cause.slice(0, TEXT_MOST) });
    this.forgetChanges();
    this.following = batch.following;
    if (!this.complete && batch.following === 0) this.finish();
  }

  find(id: string): Check | undefined {
    return /^[0-9a-f]{16}$/.test(id) ? this.checks.get(BigInt(`0x${id}`)) : undefined;
  }

  private update(update: CheckUpdate): void {
    let check = this.checks.get(update.id);
    if (!check) {
      check = {
        id: idText(update.id), target: update.target, group: NO_GROUP, state: "unknown", sinceMs: 0, lastMs: 0, success: false,
        durationUs: 0, why: "", error: "", recent: new Uint8Array(RECENT_MOST), recentCount: 0, removed: false, version: 0,
      };
      this.checks.set(update.id, check);
      this.counts[check.state]++;
      this.membership++;
    } else if (update.target !== "" && update.target !== check.target) {
      check.target = update.target;
      this.membership++;
    }
    if (update.group !== 0) check.group = this.groups.get(update.group) ?? NO_GROUP;

    const state = stateOf(update.status);
    this.counts[check.state]--;
    this.counts[state]++;
    check.state = state;
    check.sinceMs = Number(update.sinceMs);

    const lastMs = Number(update.lastMs);
    if (update.target !== "") setRecent(check, update.recent);
    else if (lastMs !== 0 && lastMs !== check.lastMs) addRecent(check, encodeResult(update.success, update.durationUs));
    check.lastMs = lastMs;
    check.success = update.success;
    check.durationUs = update.durationUs;
    if (lastMs !== 0 && !update.success) {
      check.why = whyOf(update);
      check.error = update.error.slice(0, TEXT_MOST);
    }
    check.version++;
  }

  private remove(id: bigint): void {
    const check = this.checks.get(id);
    if (!check) return;
    this.checks.delete(id);
    this.counts[check.state]--;
    this.membership++;
    check.removed = true;
    check.version++;
  }

  /** A check that is down and whose last run went well has its cause from what turned it. */
  private finish(): void {
    for (const change of this.changes) {
      if (change.why === "") continue;
      const check = this.find(change.id);
      if (check && check.why === "" && check.state !== "up") check.why = change.why;
    }
    this.complete = true;
  }

  private forgetChanges(): void {
    const oldest = this.timeMs - TRANSITIONS_KEPT_MS;
    let gone = Math.max(0, this.changes.length - TRANSITIONS_MOST);
    while (gone < this.changes.length && this.changes[gone]!.timeMs < oldest) gone++;
    if (gone > 0) this.changes.splice(0, gone);
  }
}

function groupOf(group: CheckGroup): Group {
  const labels = Object.entries(group.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = [group.name, group.module, ...labels.map(([, value]) => value)].join("\n").toLowerCase();
  return { name: group.name, module: group.module, labels, intervalMs: group.intervalMs, priority: group.priority, text };
}

function setRecent(check: Check, recent: Uint8Array): void {
  const kept = recent.subarray(Math.max(0, recent.length - RECENT_MOST));
  check.recentCount = kept.length;
  check.recent.set(kept, RECENT_MOST - kept.length);
}

function addRecent(check: Check, code: number): void {
  check.recent.copyWithin(0, 1);
  check.recent[RECENT_MOST - 1] = code;
  check.recentCount = Math.min(RECENT_MOST, check.recentCount + 1);
}

/** The bytes of its sparkline, oldest first. */
export const recentOf = (check: Check): Uint8Array => check.recent.subarray(RECENT_MOST - check.recentCount);
