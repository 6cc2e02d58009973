// What the overview says of all checks together.
import { type Change, type Check, type Mirror, type State } from "./store";

const EXAMPLES = 3;
const SLOWEST = 8;
const MINUTES = 60;

/** The broken checks that share a state and the words of their failure. */
export interface Cause {
  state: State; // down or flapping
  why: string;
  count: number;
  modules: [name: string, count: number][]; // the most first
  firstMs: number; // since when the first of them is so
  lastMs: number; // and the last
  examples: Check[];
}

export const keyOf = (cause: Cause): string => `${cause.state} ${cause.why}`;

/** The causes in the order of `before` (keys), those that are not in it behind them: what is read does not jump. */
export function inOrderOf(before: string[], causes: Cause[]): Cause[] {
  const place = new Map(before.map((key, i) => [key, i]));
  const at = (cause: Cause) => place.get(keyOf(cause)) ?? before.length;
  return causes.map((cause, i) => ({ cause, i })).sort((a, b) => at(a.cause) - at(b.cause) || a.i - b.i).map(({ cause }) => cause);
}

export interface Summary {
  causes: Cause[]; // down before flapping, the most first
  slowest: Check[]; // of those whose last run went well
  waiting: number; // have not run yet
}

export function summarize(mirror: Mirror): Summary {
  const causes = new Map<string, Cause>();
  const slowest: Check[] = [];
  let waiting = 0;
  let least = 0; // microseconds that a check must exceed to be among the slowest
  for (const check of mirror.checks.values()) {
    if (check.lastMs === 0) waiting++;
    if (check.state === "down" || check.state === "flapping") addCause(causes, check);
    if (check.success && check.lastMs !== 0 && check.durationUs > least) {
      slowest.push(check);
      if (slowest.length >= 4 * SLOWEST) least = keepSlowest(slowest);
    }
  }
  keepSlowest(slowest);
  for (const { modules } of causes.values()) modules.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const order = [...causes.values()].sort((a, b) =>
    a.state !== b.state ? (a.state === "down" ? -1 : 1) : b.count - a.count || b.lastMs - a.lastMs || (a.why < b.why ? -1 : 1));
  return { causes: order, slowest, waiting };
}

function addCause(causes: Map<string, Cause>, check: Check): void {
  const key = `${check.state} ${check.why}`;
  const cause = causes.get(key);
  if (!cause) {
    const { state, why, sinceMs } = check;
    causes.set(key, { state, why, count: 1, modules: [[check.group.module, 1]], firstMs: sinceMs, lastMs: sinceMs, examples: [check] });
    return;
  }
  cause.count++;
  const module = cause.modules.find(([name]) => name === check.group.module);
  if (module) module[1]++;
  else cause.modules.push([check.group.module, 1]);
  cause.firstMs = Math.min(cause.firstMs, check.sinceMs);
  cause.lastMs = Math.max(cause.lastMs, check.sinceMs);
  if (cause.examples.length < EXAMPLES) cause.examples.push(check);
}

function keepSlowest(slowest: Check[]): number {
  slowest.sort((a, b) => b.durationUs - a.durationUs);
  slowest.length = Math.min(slowest.length, SLOWEST);
  return slowest.length < SLOWEST ? 0 : slowest[SLOWEST - 1]!.durationUs;
}

/** Transitions a minute over the hour before `nowMs`, oldest minute first. */
export function perMinute(changes: Change[], nowMs: number): { broke: number; recovered: number }[] {
  const minutes = Array.from({ length: MINUTES }, () => ({ broke: 0, recovered: 0 }));
  for (const change of changes) {
    const minute = minutes[MINUTES - 1 - Math.floor((nowMs - change.timeMs) / 60_000)];
    if (!minute) continue;
    if (change.to === "down" || change.to === "flapping") minute.broke++;
    else if (change.to === "up") minute.recovered++;
  }
  return minutes;
}

/** The last transitions, newest first, those of one moment, kind and cause as one. */
export interface Happening {
  change: Change; // the newest of them
  ids: string[];
}

export function happenings(changes: Change[], most: number): Happening[] {
  const found: Happening[] = [];
  for (let i = changes.length - 1; i >= 0; i--) {
    const change = changes[i]!;
    const last = found.at(-1);
    const alike = last && last.change.to === change.to && last.change.from === change.from && last.change.why === change.why;
    if (alike && last.change.timeMs - change.timeMs < 60_000) {
      last.ids.push(change.id);
    } else {
      if (found.length === most) break;
      found.push({ change, ids: [change.id] });
    }
  }
  return found;
}

/** One sentence for a screen reader on what changed since it was last told; empty: nothing did. */
export function spoken(changes: Change[], down: number): string {
  const broke = new Set(changes.filter((change) => change.to === "down").map((change) => change.id)).size;
  const recovered = new Set(changes.filter((change) => change.to === "up" && change.from === "down").map((change) => change.id)).size;
  const parts = [broke && `${broke} went down`, recovered && `${recovered} recovered`].filter(Boolean);
  return parts.length === 0 ? "" : `${parts.join(", ")}; ${down} down now.`;
}
