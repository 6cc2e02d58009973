import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { CheckGroupSchema, CheckStatus, MetricsBatchSchema } from "./gen/sonde/v1/stream_pb";
import { formatFilter, matcher, NO_FILTER, parseFilter, Selection, SORTS, type Filter } from "./selection";
import { Mirror } from "./store";

const D = CheckStatus.DOWN, U = CheckStatus.UP, F = CheckStatus.FLAPPING;
const GROUPS: MessageInitShape<typeof CheckGroupSchema>[] = [
  { index: 1, name: "shop", module: "http_2xx", labels: { team: "Web", city: "Köln" } },
  { index: 2, name: "api", module: "tcp", labels: { team: "core" } },
];
type Row = [target: string, group: number, status: CheckStatus, durationUs: number, since: number, cause?: string];
const ROWS: Row[] = [
  ["b:1", 1, U, 500, 4], ["a:1", 1, D, 20, 9, "refused"], ["c:1", 2, U, 4_000_000_000, 1], ["a:2", 2, F, 30, 7, "timeout"], ["a:1", 2, D, 10, 2, "timeout"],
];
function mirror(rows = ROWS): Mirror {
  const made = new Mirror();
  made.apply(create(MetricsBatchSchema, {
    groups: GROUPS,
    checks: rows.map(([target, group, status, durationUs, since, outcome], i) => ({
      id: BigInt(i + 1), target, group, status, sinceMs: BigInt(since * 1000), lastMs: 1n, success: !outcome, durationUs, phase: outcome ? "connect" : "", outcome: outcome ?? "",
    })),
  }));
  return made;
}
const shown = (filter: Partial<Filter>) => new Selection().update(mirror(), { ...NO_FILTER, ...filter }).map((check) => `${check.group.name} ${check.target}`);

test("the worst come first, then by name and target", () => {
  expect(shown({})).toEqual(["api a:1", "shop a:1", "api a:2", "api c:1", "shop b:1"]);
});

test("every column sorts both ways, ties by name and target", () => {
  expect(shown({ sort: "name" })).toEqual(["api a:1", "api a:2", "api c:1", "shop a:1", "shop b:1"]);
  expect(shown({ sort: "target" })).toEqual(["api a:1", "shop a:1", "api a:2", "shop b:1", "api c:1"]);
  expect(shown({ sort: "duration", descending: true })).toEqual(["api c:1", "shop b:1", "api a:2", "shop a:1", "api a:1"]);
  expect(shown({ sort: "since" })).toEqual(["api c:1", "api a:1", "shop b:1", "api a:2", "shop a:1"]);
  expect(shown({ sort: "module", descending: true })).toEqual(["api a:1", "api a:2", "api c:1", "shop a:1", "shop b:1"]);
  expect(shown({ sort: "why" })).toEqual(["shop a:1", "api a:1", "api a:2", "api c:1", "shop b:1"]);
});

test("the search takes all words, in any case, in name, target, module or a label's value", () => {
  expect(shown({ q: "WEB a:" })).toEqual(["shop a:1"]);
  expect(shown({ q: "köln" })).toEqual(["shop a:1", "shop b:1"]);
  expect(shown({ q: "tcp c:1" })).toEqual(["api c:1"]);
  expect(shown({ q: "team" })).toEqual([]); // a label's name is not searched
});

test("states, module, cause and labels narrow together", () => {
  expect(shown({ states: ["down", "flapping"], module: "tcp" })).toEqual(["api a:1", "api a:2"]);
  expect(shown({ why: "connect timeout", states: ["down"] })).toEqual(["api a:1"]);
  expect(shown({ labels: [["team", "Web"], ["city", "Köln"]] })).toEqual(["shop a:1", "shop b:1"]);
  expect(shown({ labels: [["team", "Web"], ["city", "Bonn"]] })).toEqual([]);
});

test("a filter survives the address", () => {
  const filter: Filter = { q: "a&b=c #", states: ["down", "up"], module: "m+x", why: "tls tls_error: é", labels: [["a", "b=c"], ["d", ""]], sort: "since", descending: true };
  expect(parseFilter(formatFilter(filter))).toEqual(filter);
  expect(formatFilter(NO_FILTER)).toBe("");
  for (const sort of SORTS) expect(parseFilter(formatFilter({ sort })).sort).toBe(sort);
});

test("nonsense in the address is no filter", () => {
  expect(parseFilter("state=broken&sort=__proto__&label=x&label==y&q=")).toEqual(NO_FILTER);
});

test("what comes and goes is in the next order", () => {
  const selection = new Selection();
  const made = mirror();
  expect(selection.update(made, NO_FILTER)).toHaveLength(5);
  made.apply(create(MetricsBatchSchema, { removed: [1n], checks: [{ id: 9n, target: "z", group: 1, status: D }, { id: 3n, status: D }] }));
  expect(selection.update(made, { ...NO_FILTER, states: ["down"] }).map((check) => check.target)).toEqual(["a:1", "c:1", "a:1", "z"]);
});

test("a matcher and the order agree on a large mirror", () => {
  const rows = Array.from({ length: 3000 }, (_, i): Row => [`host-${(i * 7919) % 3000}`, (i % 2) + 1, i % 3 ? U : D, (i * 104729) % 1_000_003, i]);
  const made = mirror(rows);
  const filter: Filter = { ...NO_FILTER, q: "host-1", sort: "duration" };
  const found = new Selection().update(made, filter);
  const fits = matcher(filter);
  expect(found).toHaveLength([...made.checks.values()].filter(fits).length);
  for (let i = 1; i < found.length; i++) expect(found[i]!.durationUs).toBeGreaterThanOrEqual(found[i - 1]!.durationUs);
});
