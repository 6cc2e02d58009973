// How fast the dashboard is, in small: bounds that only a mistake exceeds. Figures come from bench/scenarios/dashboard.
import { expect, test } from "vitest";
import { measure } from "./measure.js";

test("a table of 5,000 checks scrolls and is kept up to date", async () => {
  const { script_gzip_kb, first_paint_ms, update_ms, scroll, trouble } = await measure({ checks: 5000, rate: 500, seconds: 3 });
  expect(script_gzip_kb).toBeLessThanOrEqual(150);
  expect(first_paint_ms).toBeLessThan(20_000);
  expect(update_ms.median).toBeLessThan(1000);
  expect(scroll.px).toBeGreaterThan(5000);
  expect(scroll.frames_shown).toBeGreaterThan(5);
  expect(trouble).toEqual([]);
});
