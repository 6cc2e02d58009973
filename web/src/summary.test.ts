import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { CheckStatus, MetricsBatchSchema } from "./gen/sonde/v1/stream_pb";
import { Mirror, type Change, type State } from "./store";
import { happenings, inOrderOf, keyOf, perMinute, spoken, summarize } from "./summary";

const NOW = 1_767_268_800_000;
const change = (ago: number, to: State, why = "", id = "a", from: State = "up"): Change => ({ id, timeMs: NOW - ago, from, to, why });

test("the broken are grouped by state and cause with the modules that they are of, the most first and down before flapping", () => {
  const made = new Mirror();
  const check = (id: number, group: number, status: CheckStatus, outcome: string, since: number) =>
    ({ id: BigInt(id), target: `t${id}`, group, status, lastMs: 1n, phase: "connect", outcome, sinceMs: BigInt(since) });
  made.apply(create(MetricsBatchSchema, {
    groups: [{ index: 1, name: "a", module: "http" }, { index: 2, name: "b", module: "tcp" }, { index: 3, name: "c", module: "http" }],
    checks: [
      check(1, 1, CheckStatus.DOWN, "refused", 5), check(2, 1, CheckStatus.DOWN, "timeout", 9), check(3, 3, CheckStatus.DOWN, "timeout", 3),
      check(4, 2, CheckStatus.DOWN, "timeout", 1), check(5, 2, CheckStatus.FLAPPING, "timeout", 1), check(6, 2, CheckStatus.FLAPPING, "timeout", 2),
      check(7, 2, CheckStatus.FLAPPING, "timeout", 2), { id: 8n, target: "t8", group: 2 }, check(9, 1, CheckStatus.UP, "timeout", 1),
    ],
  }));
  const { causes, waiting, slowest } = summarize(made);
  expect(causes.map(({ state, modules, why, count }) => `${state} ${why} ${count}: ${modules.flat().join(" ")}`)).toEqual([
    "down connect timeout 3: http 2 tcp 1", "down connect refused 1: http 1", "flapping connect timeout 3: tcp 3",
  ]);
  expect(causes[0]).toMatchObject({ firstMs: 1, lastMs: 9 });
  expect(waiting).toBe(1);
  expect(slowest).toEqual([]);
});

test("the slowest are the slowest of all that went well", () => {
  const made = new Mirror();
  made.apply(create(MetricsBatchSchema, {
    checks: Array.from({ length: 500 }, (_, i) => ({ id: BigInt(i + 1), target: "t", lastMs: 1n, success: i % 2 === 0, durationUs: (i * 7919) % 500 })),
  }));
  const expected = Array.from({ length: 250 }, (_, i) => (2 * i * 7919) % 500).sort((a, b) => b - a).slice(0, 8);
  expect(summarize(made).slowest.map((check) => check.durationUs)).toEqual(expected);
});

test("an hour has sixty minutes, the newest last", () => {
  const minutes = perMinute([change(0, "down"), change(59_999, "flapping"), change(60_000, "up"), change(3_599_999, "down"), change(3_600_000, "down"), change(-5, "down")], NOW);
  expect(minutes).toHaveLength(60);
  expect([minutes[59], minutes[58], minutes[0]]).toEqual([{ broke: 2, recovered: 0 }, { broke: 0, recovered: 1 }, { broke: 1, recovered: 0 }]);
});

test("alike transitions close together are one happening", () => {
  const found = happenings([change(90_000, "up", "", "z", "down"), change(50_000, "down", "x", "a"), change(2000, "down", "x", "b"), change(1000, "down", "x", "c"), change(0, "down", "y", "d")], 3);
  expect(found.map(({ change, ids }) => [change.why, ids])).toEqual([["y", ["d"]], ["x", ["c", "b", "a"]], ["", ["z"]]]);
  expect(happenings([change(3, "down", "x"), change(2, "up"), change(1, "down", "x")], 2)).toHaveLength(2);
});

test("what is read out is short and only of what changed", () => {
  expect(spoken([], 4)).toBe("");
  expect(spoken([change(1, "flapping")], 4)).toBe("");
  expect(spoken([change(3, "down", "", "a"), change(2, "up", "", "a", "down"), change(1, "down", "", "a"), change(0, "down", "", "b")], 5)).toBe("2 went down, 1 recovered; 5 down now.");
});

test("causes keep the order in which they were shown, new ones come behind", () => {
  const cause = (why: string) => ({ state: "down" as const, why, count: 1, modules: [], firstMs: 0, lastMs: 0, examples: [] });
  const before = ["b", "gone", "a"].map((why) => keyOf(cause(why)));
  expect(inOrderOf(before, ["new", "a", "newer", "b"].map(cause)).map(({ why }) => why)).toEqual(["b", "a", "new", "newer"]);
  expect(inOrderOf([], ["x", "y"].map(cause)).map(({ why }) => why)).toEqual(["x", "y"]);
});
