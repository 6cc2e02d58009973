// The Hilbert curve over a square of 2^order × 2^order cells: neighbours in number are neighbours in the square, so a
// prefix of even length is a square of its own. (After Hamilton & Rau-Chaplin's and Warren's descriptions, bit by bit.)

/** The place of cell `d`. */
export function place(d: number, order: number): { x: number; y: number } {
  let x = 0;
  let y = 0;
  for (let side = 1; side < 1 << order; side *= 2) {
    const right = (d >> 1) & 1;
    const down = (d & 1) ^ right;
    if (down === 0) {
      if (right === 1) {
        x = side - 1 - x;
        y = side - 1 - y;
      }
      [x, y] = [y, x];
    }
    x += side * right;
    y += side * down;
    d >>= 2;
  }
  return { x, y };
}

/** The number of the cell at a place: the inverse. */
export function cellAt(x: number, y: number, order: number): number {
  let d = 0;
  for (let side = (1 << order) >> 1; side > 0; side >>= 1) {
    const right = (x & side) > 0 ? 1 : 0;
    const down = (y & side) > 0 ? 1 : 0;
    d += side * side * ((3 * right) ^ down);
    if (down === 0) {
      if (right === 1) {
        x = side - 1 - (x & (side - 1));
        y = side - 1 - (y & (side - 1));
      } else {
        x &= side - 1;
        y &= side - 1;
      }
      [x, y] = [y, x];
    } else {
      x &= side - 1;
      y &= side - 1;
    }
  }
  return d;
}

/** `10.1.0.0/16`; a single address without its length. */
export function prefix(address: number, length: number): string {
  const octets = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
  return length === 32 ? octets : `${octets}/${length}`;
}
