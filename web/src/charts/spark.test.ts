import { expect, test } from "vitest";
import { spark, sparkText } from "./spark";

test("the newest result stands at the right, whatever there is before it", () => {
  expect(spark(new Uint8Array([0]), 3, 2, 10)).toEqual({ good: "", failed: "M5 10V0" });
  expect(spark(new Uint8Array([9, 9, 0, 0, 0]), 3, 2, 10).failed).toBe("M1 10V0M3 10V0M5 10V0");
  expect(spark(new Uint8Array(), 3, 2, 10)).toEqual({ good: "", failed: "" });
});

test("a slower result stands higher, and never as high as a failure", () => {
  const heights = [...spark(new Uint8Array([10, 60, 255, 1]), 4, 2, 18).good.matchAll(/V([\d.]+)/g)].map(([, y]) => Number(y));
  expect(heights[2]).toBeLessThan(heights[1]!);
  expect(heights[1]).toBeLessThan(heights[0]!);
  expect(Math.min(...heights)).toBeGreaterThanOrEqual(18 * 0.35);
  expect(Math.max(...heights)).toBeLessThan(18);
});

test("it is told in words", () => {
  expect(sparkText(new Uint8Array([0, 3, 0]))).toBe("2 of the last 3 runs failed");
  expect(sparkText(new Uint8Array())).toBe("no results yet");
});
