import { expect, test } from "vitest";
import { Clock } from "./clock";

test("the quickest frame tells how far this device's clock is off", () => {
  const clock = new Clock();
  expect(clock.now(5)).toBe(5);
  for (const journey of [300, 40, 900]) clock.heard(1_000_000 + journey - 180_000, 1_000_000);
  expect(clock.aheadMs).toBe(40 - 180_000);
  expect(clock.now(1_000_000)).toBe(1_179_960);
});

test("a clock that is set while the page is open is followed", () => {
  const clock = new Clock();
  clock.heard(0, 0);
  for (let i = 0; i < 60; i++) clock.heard(7000, 0);
  expect(clock.aheadMs).toBe(7000);
});
