import { expect, test } from "vitest";
import type { Point } from "../api";
import { availability, stack, stepOf } from "./phases";

const point = (second: number, timing_us: Point["timing_us"], count = 1, success = 1): Point => ({ ts: new Date(second * 1000).toISOString(), count, success, timing_us });

test("a step gives a chart some 180 points and is no shorter than the interval", () => {
  expect([stepOf("1 h", 5), stepOf("6 h", 5), stepOf("24 h", 5), stepOf("7 d", 5)]).toEqual([20, 120, 600, 3600]);
  expect([stepOf("1 h", 60), stepOf("1 h", 45), stepOf("1 h", 86_400)]).toEqual([60, 60, 86_400]);
});

test("phases stand on those before them, in the order in which they happen", () => {
  const made = stack([point(100, { first_byte: 4000, dns: 1000, connect: 2000 }), point(110, { connect: 3000 })], 10);
  expect(made.phases).toEqual(["dns", "connect", "first_byte"]);
  expect(made.sums).toEqual([[1, 0], [3, 3], [7, 3]]);
  expect(made.own).toEqual([[1, 0], [2, 3], [4, 0]]);
});

test("a time without runs is a gap, and so is a point that tells no phase", () => {
  const made = stack([point(100, { connect: 1000 }), point(200, { connect: 1000 }), point(210, {}, 4, 1)], 10);
  expect(made.times).toEqual([100, 110, 200, 210]);
  expect(made.sums[0]).toEqual([1, null, 1, null]);
  expect(made.failures).toEqual([0, 0, 0, 0.75]);
});

test("times that do not rise, or are none, are left out", () => {
  expect(stack([point(100, {}), point(100, {}), point(90, {}), { ...point(1, {}), ts: "never" }], 10).times).toEqual([100]);
});

test("availability is counted by stretches", () => {
  const stretches = availability([point(0, {}, 4, 4), point(59, {}, 2, 1), point(119, {}, 1, 0), point(120, {}), point(-1, {})], 0, 120, 2);
  expect(stretches.map(({ count, success }) => [count, success])).toEqual([[6, 5], [1, 0]]);
});
