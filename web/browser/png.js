// A screenshot with a palette of 256 colours: a third of its size, and no eye sees it in a page of flat colours.
import { crc32 as zlibCrc32, deflateSync, inflateSync } from "node:zlib";

const COLOURS = 256;

function crc32(bytes) {
  if (zlibCrc32) return zlibCrc32(bytes);
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

function chunksOf(png) {
  const found = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    found.push([png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  return found;
}

/** Pixels as Chromium writes them: 8-bit RGB, not interlaced. */
function pixels(chunks) {
  const [, head] = chunks[0];
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  if (head[8] !== 8 || head[9] !== 2 || head[12] !== 0) throw new Error("not a PNG of 8-bit RGB");
  const raw = inflateSync(Buffer.concat(chunks.filter(([kind]) => kind === "IDAT").map(([, data]) => data)));
  const row = width * 3;
  const rgb = Buffer.alloc(row * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (row + 1)];
    for (let x = 0; x < row; x++) {
      const at = y * row + x;
      const left = x >= 3 ? rgb[at - 3] : 0;
      const up = y > 0 ? rgb[at - row] : 0;
      const corner = x >= 3 && y > 0 ? rgb[at - row - 3] : 0;
      const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      rgb[at] = raw[y * (row + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth][filter];
    }
  }
  return { width, height, rgb };
}

export function withPalette(png) {
  const chunks = chunksOf(png);
  const { width, height, rgb } = pixels(chunks);
  const used = new Map();
  const colourAt = (i) => (rgb[3 * i] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i + 2];
  for (let i = 0; i < width * height; i++) used.set(colourAt(i), (used.get(colourAt(i)) ?? 0) + 1);
  const palette = [...used].sort((a, b) => b[1] - a[1]).slice(0, COLOURS).map(([colour]) => colour);
  const index = new Map(palette.map((colour, i) => [colour, i]));
  const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
  const nearest = (colour) => {
    const [r, g, b] = parts(colour);
    const apart = palette.map((other) => parts(other)).map(([x, y, z]) => (x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2);
    return apart.indexOf(Math.min(...apart));
  };
  const rows = Buffer.alloc((width + 1) * height);
  for (let i = 0; i < width * height; i++) {
    const colour = colourAt(i);
    if (!index.has(colour)) index.set(colour, nearest(colour));
    rows[Math.floor(i / width) * (width + 1) + 1 + (i % width)] = index.get(colour);
  }
  const head = Buffer.from(chunks[0][1]);
  head[9] = 3;
  return Buffer.concat([png.subarray(0, 8), chunk("IHDR", head), chunk("PLTE", Buffer.from(palette.flatMap(parts))), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}
