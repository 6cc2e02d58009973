import { describe, expect, it } from "vitest";
import { cellAt, place, prefix } from "./hilbert";

describe("the Hilbert curve", () => {
  for (const order of [0, 1, 2, 5, 8]) {
    const cells = 4 ** order;
    it(`visits each of ${cells} cells once, and its inverse finds them again`, () => {
      const seen = new Set<number>();
      let wrong = 0; // an expectation a cell would take longer than all the rest
      for (let d = 0; d < cells; d++) {
        const { x, y } = place(d, order);
        if (x >= 1 << order || y >= 1 << order || cellAt(x, y, order) !== d) wrong++;
        seen.add(y * (1 << order) + x);
      }
      expect(wrong).toBe(0);
      expect(seen.size).toBe(cells);
    });
  }
  it("goes from neighbour to neighbour", () => {
    for (let d = 1; d < 4 ** 6; d++) {
      const a = place(d - 1, 6);
      const b = place(d, 6);
      expect(Math.abs(a.x - b.x) + Math.abs(a.y - b.y)).toBe(1);
    }
  });
  it("keeps a prefix of even length in a square", () => {
    const xs = Array.from({ length: 16 }, (_, i) => place(5 * 16 + i, 4));
    expect(Math.max(...xs.map((p) => p.x)) - Math.min(...xs.map((p) => p.x))).toBe(3);
    expect(Math.max(...xs.map((p) => p.y)) - Math.min(...xs.map((p) => p.y))).toBe(3);
  });
});

describe("prefix", () => {
  it("says an address with its length", () => {
    expect(prefix(0x7f000000, 8)).toBe("127.0.0.0/8");
    expect(prefix(0xfffffffe, 32)).toBe("255.255.255.254");
    expect(prefix(0, 0)).toBe("0.0.0.0/0");
  });
});
