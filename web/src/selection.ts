// Which checks the table shows, and in which order. A filter lives in the page's address.
import { STATES, type Check, type Mirror, type State } from "./store";

export const SORTS = ["state", "name", "target", "module", "duration", "why", "since"] as const;
export type Sort = (typeof SORTS)[number];

export interface Filter {
  q: string; // words, all of which are in name, target, module or a label's value
  states: State[]; // empty: all
  module: string;
  why: string; // the last failure's words, exactly
  labels: [name: string, value: string][]; // all must be so
  sort: Sort;
  descending: boolean;
}

export const NO_FILTER: Filter = { q: "", states: [], module: "", why: "", labels: [], sort: "state", descending: false };

export function parseFilter(query: string): Filter {
  const asked = new URLSearchParams(query);
  const [, minus, sort] = /^(-?)(.*)$/.exec(asked.get("sort") ?? "") ?? [];
  return {
    q: asked.get("q") ?? "",
    states: STATES.filter((state) => asked.getAll("state").includes(state)),
    module: asked.get("module") ?? "",
    why: asked.get("why") ?? "",
    labels: asked.getAll("label").flatMap((text): [string, string][] => {
      const equals = text.indexOf("=");
      return equals > 0 ? [[text.slice(0, equals), text.slice(equals + 1)]] : [];
    }),
    sort: SORTS.find((name) => name === sort) ?? "state",
    descending: minus === "-",
  };
}

/** Its query, without `?`; what is as by default is left out. */
export function formatFilter(filter: Partial<Filter>): string {
  const query = new URLSearchParams();
  if (filter.q) query.set("q", filter.q);
  for (const state of filter.states ?? []) query.append("state", state);
  if (filter.module) query.set("module", filter.module);
  if (filter.why) query.set("why", filter.why);
  for (const [name, value] of filter.labels ?? []) query.append("label", `${name}=${value}`);
  if ((filter.sort ?? "state") !== "state" || filter.descending) query.set("sort", (filter.descending ? "-" : "") + (filter.sort ?? "state"));
  return query.toString();
}

/** The test of one check; what it needs is made ready once. */
export function matcher(filter: Filter): (check: Check) => boolean {
  const terms = filter.q.toLowerCase().split(/\s+/).filter((term) => term !== "");
  const states = new Set<State>(filter.states);
  return (check) => {
    if (states.size > 0 && !states.has(check.state)) return false;
    if (filter.module !== "" && check.group.module !== filter.module) return false;
    if (filter.why !== "" && check.why !== filter.why) return false;
    for (const [name, value] of filter.labels) if (!check.group.labels.some((label) => label[0] === name && label[1] === value)) return false;
    if (terms.length === 0) return true;
    const target = check.target.toLowerCase();
    return terms.every((term) => check.group.text.includes(term) || target.includes(term));
  };
}

// --- order --------------------------------------------------------------------------------------------------------------
//
// 100,000 rows are put in order while data streams. Comparing strings would take longer than a frame may, so each check
// has a rank among all names and targets, made anew only when checks come or go, and an order by anything is one sort of
// numbers: what is sorted by, times RANKS, plus the rank.

const RANKS = 2 ** 20; // 2^53 / 2^20 leaves 33 bits for what is sorted by: microseconds, or seconds since 1970
const MOST = 2 ** 33 - 1;
const STATE_RANKS = Object.fromEntries(STATES.map((state, rank) => [state, rank])) as Record<State, number>;

export class Selection {
  rows: Check[] = [];
  private ranked: Check[] = []; // by name, then target
  private targetRank = new Map<Check, number>();
  private membership = -1;
  private mirror: Mirror | undefined;

  /** Filters and sorts. A mirror of more than 2^20 checks shows the first ones by name. */
  update(mirror: Mirror, filter: Filter): Check[] {
    if (mirror !== this.mirror || mirror.membership !== this.membership) this.rank(mirror);
    const { ranked } = this;
    const primary = this.primaryOf(filter);
    const fits = matcher(filter);
    const keys = new Float64Array(ranked.length);
    let size = 0;
    for (let rank = 0; rank < ranked.length; rank++) {
      const check = ranked[rank]!;
      if (!fits(check)) continue;
      const value = Math.min(MOST, Math.max(0, primary(check)));
      keys[size++] = (filter.descending ? MOST - value : value) * RANKS + rank;
    }
    const sorted = keys.subarray(0, size).sort();
    this.rows = new Array<Check>(size);
    for (let at = 0; at < size; at++) this.rows[at] = ranked[sorted[at]! - Math.floor(sorted[at]! / RANKS) * RANKS]!; // % is slow
    return this.rows;
  }

  private rank(mirror: Mirror): void {
    this.mirror = mirror;
    this.membership = mirror.membership;
    const checks = [...mirror.checks.values()];
    const names = ranksOf(checks.map((check) => check.group.name));
    const targets = ranksOf(checks.map((check) => check.target));
    this.targetRank = new Map(checks.map((check) => [check, targets.get(check.target)!]));
    const key = (check: Check) => names.get(check.group.name)! * RANKS + this.targetRank.get(check)!;
    const keyed = checks.map((check) => ({ check, key: key(check) })).sort((a, b) => a.key - b.key);
    this.ranked = keyed.slice(0, RANKS).map(({ check }) => check);
  }

  /** What is sorted by, as a whole number from 0 to MOST. */
  private primaryOf(filter: Filter): (check: Check) => number {
    switch (filter.sort) {
      case "state": return (check) => STATE_RANKS[check.state];
      case "name": return () => 0;
      case "target": return (check) => this.targetRank.get(check)!;
      case "module": {
        const ranks = ranksOf(this.ranked.map((check) => check.group.module));
        return (check) => ranks.get(check.group.module)!;
      }
      case "duration": return (check) => (check.lastMs === 0 ? 0 : check.durationUs + 1);
      case "why": {
        const ranks = ranksOf(this.ranked.map(whyShown));
        return (check) => ranks.get(whyShown(check))!;
      }
      case "since": return (check) => Math.floor(check.sinceMs / 1000);
    }
  }
}

/** The failure that a row tells: none of a check that is well. */
export const whyShown = (check: Check): string => (check.state === "up" && check.success ? "" : check.why);

function ranksOf(texts: string[]): Map<string, number> {
  // The empty text last: it is a cause that is not there.
  const distinct = [...new Set(texts)].sort((a, b) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
  return new Map(distinct.map((text, rank) => [text, rank]));
}
