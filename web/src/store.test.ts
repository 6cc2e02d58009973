import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { CheckStatus, MetricsBatchSchema } from "./gen/sonde/v1/stream_pb";
import { decodeResult, encodeResult } from "./latency";
import { Mirror, RECENT_MOST, recentOf } from "./store";

type Init = MessageInitShape<typeof MetricsBatchSchema>;
const group = { index: 1, name: "shop", module: "http_2xx", labels: { team: "Web", dc: "b" }, intervalMs: 15000, priority: "high" };
const NOW = 1_767_268_800_000;
const base = { sequence: 1n, timeUs: BigInt(NOW) * 1000n, first: true };

function mirror(...frames: Init[]): Mirror {
  const made = new Mirror();
  for (const frame of frames) made.apply(create(MetricsBatchSchema, { timeUs: BigInt(NOW) * 1000n, ...frame }));
  return made;
}
const up = { id: 1n, target: "t:1", group: 1, status: CheckStatus.UP, sinceMs: 5n, lastMs: 10n, success: true, durationUs: 640, recent: new Uint8Array([0, 61]) };

test("a picture is complete when nothing follows", () => {
  const made = mirror({ ...base, groups: [group], checks: [up], following: 1 });
  expect(made.complete).toBe(false);
  made.apply(create(MetricsBatchSchema, { ...base, sequence: 2n, first: false, checks: [{ ...up, id: 0xfedcba9876543210n }] }));
  expect(made.complete).toBe(true);
  expect(made.find("fedcba9876543210")?.group.labels).toEqual([["dc", "b"], ["team", "Web"]]);
  expect(made.find("0000000000000001")?.group.text).toBe("shop\nhttp_2xx\nb\nweb");
  expect(made.find("1")).toBeUndefined();
  expect(made.counts).toEqual({ down: 0, flapping: 0, unknown: 0, up: 2 });
});

test("an update without target and group keeps them and adds its result to the recent ones", () => {
  const made = mirror({ ...base, groups: [group], checks: [up] });
  made.apply(create(MetricsBatchSchema, { checks: [{ id: 1n, status: CheckStatus.DOWN, sinceMs: 20n, lastMs: 20n, phase: "connect", outcome: "timeout", cause: "syn_unanswered", error: "no answer" }] }));
  const check = made.find("0000000000000001")!;
  expect(check).toMatchObject({ target: "t:1", state: "down", sinceMs: 20, lastMs: 20, success: false, why: "connect timeout: syn_unanswered", error: "no answer" });
  expect(check.group.name).toBe("shop");
  expect([...recentOf(check)]).toEqual([0, 61, 0]);
  expect(made.counts).toEqual({ down: 1, flapping: 0, unknown: 0, up: 0 });
});

test("a change of state without a run adds no result", () => {
  const made = mirror({ ...base, groups: [group], checks: [up] }, { checks: [{ id: 1n, status: CheckStatus.FLAPPING, lastMs: 10n, success: true, durationUs: 640 }] });
  expect([...recentOf(made.find("0000000000000001")!)]).toEqual([0, 61]);
});

test("the recent results have a bound and keep the newest", () => {
  const made = mirror({ ...base, checks: [{ ...up, recent: new Uint8Array(300).map((_, i) => (i % 255) + 1) }] });
  for (let i = 0; i < 3; i++) made.apply(create(MetricsBatchSchema, { checks: [{ id: 1n, lastMs: BigInt(100 + i), success: true, durationUs: 10 }] }));
  const recent = recentOf(made.find("0000000000000001")!);
  expect(recent).toHaveLength(RECENT_MOST);
  expect([...recent.slice(-4)]).toEqual([(299 % 255) + 1, 1, 1, 1]);
});

test("a cause outlives a success, so that a check on its way up still says what it had", () => {
  const made = mirror({ ...base, checks: [{ ...up, success: false, phase: "connect", outcome: "refused", status: CheckStatus.DOWN }] });
  made.apply(create(MetricsBatchSchema, { checks: [{ id: 1n, status: CheckStatus.DOWN, lastMs: 11n, success: true, durationUs: 5 }] }));
  expect(made.find("0000000000000001")!.why).toBe("connect refused");
});

test("a down check whose last run went well takes its cause from the transition", () => {
  const made = mirror({
    ...base, checks: [{ ...up, status: CheckStatus.DOWN }],
    transitions: [{ id: 1n, timeMs: BigInt(NOW - 1000), from: CheckStatus.UP, to: CheckStatus.DOWN, cause: "dns dns_error" }],
  });
  expect(made.find("0000000000000001")!.why).toBe("dns dns_error");
});

test("a removed check is gone from the counts, and whoever holds it sees that", () => {
  const made = mirror({ ...base, checks: [up] });
  const held = made.find("0000000000000001")!;
  const before = made.membership;
  made.apply(create(MetricsBatchSchema, { removed: [1n, 99n] }));
  expect(held.removed).toBe(true);
  expect(made.checks.size).toBe(0);
  expect(made.counts.up).toBe(0);
  expect(made.membership).toBe(before + 1);
});

test("transitions older than an hour are forgotten", () => {
  const at = (ms: number) => ({ id: 1n, timeMs: BigInt(ms), from: CheckStatus.UP, to: CheckStatus.DOWN });
  const made = mirror({ ...base, transitions: [at(NOW - 3_601_000), at(NOW - 3_599_000)] });
  expect(made.changes.map((change) => change.timeMs)).toEqual([NOW - 3_599_000]);
  made.apply(create(MetricsBatchSchema, { timeUs: BigInt(NOW + 2000) * 1000n, transitions: Array.from({ length: 6000 }, () => at(NOW)) }));
  expect(made.changes).toHaveLength(5000);
  expect(made.changes.every((change) => change.timeMs === NOW)).toBe(true);
});

test("what a newer gateway may send is no hindrance", () => {
  const bytes = toBinary(MetricsBatchSchema, create(MetricsBatchSchema, { ...base, groups: [group], checks: [{ ...up, status: 9 as CheckStatus }] }));
  const newer = new Uint8Array([...bytes, 0xfa, 0x3e, 3, 1, 2, 3]); // field 1007, three bytes
  const made = new Mirror();
  made.apply(fromBinary(MetricsBatchSchema, newer));
  expect(made.find("0000000000000001")!.state).toBe("unknown");
  made.apply(create(MetricsBatchSchema, { checks: [{ id: 2n, target: "t:2", group: 77 }] })); // a group never told
  expect(made.find("0000000000000002")!.group.name).toBe("?");
});

test("a result's byte is the protocol's", () => {
  expect([encodeResult(false, 10), encodeResult(true, 10), encodeResult(true, 640), encodeResult(true, 0), encodeResult(true, 4e9)]).toEqual([0, 1, 61, 1, 255]);
  expect(decodeResult(61)).toBeCloseTo(640);
  expect(decodeResult(0)).toBeNaN();
});

test("a picture that begins again on a connection knows the groups that were told on it", () => {
  const made = mirror({ ...base, groups: [group], checks: [up] });
  const again = new Mirror(new Map(made.groups));
  again.apply(create(MetricsBatchSchema, { ...base, checks: [up], groups: [{ ...group, index: 2, name: "api" }] }));
  expect(again.find("0000000000000001")!.group.name).toBe("shop");
  expect([made.groups.size, again.groups.size]).toEqual([1, 2]);
});
