import { expect, test } from "vitest";
import { rowsInSight } from "./sight";

test("rows in sight exist, with some around them and none beyond the ends", () => {
  expect(rowsInSight(0, 300, 30, 100_000)).toEqual({ first: 0, end: 16 });
  expect(rowsInSight(3000, 300, 30, 100_000)).toEqual({ first: 94, end: 116 });
  expect(rowsInSight(2_999_700, 300, 30, 100_000)).toEqual({ first: 99_984, end: 100_000 });
  expect(rowsInSight(3000, 300, 30, 0)).toEqual({ first: 0, end: 0 });
  expect(rowsInSight(-80, 300, 30, 3)).toEqual({ first: 0, end: 3 }); // a list that bounces
  expect(rowsInSight(9000, 300, 30, 10)).toEqual({ first: 10, end: 10 }); // scrolled, then filtered
});
