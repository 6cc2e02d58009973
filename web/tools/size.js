// What a viewer's browser loads, and the limit on it.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 150 * 1024; // of script, gzipped: of the dashboard, and of a report
const out = process.env.SONDE_WEB_OUT ?? fileURLToPath(new URL("../dist", import.meta.url));

const sizes = new Map(readdirSync(out).sort().map((name) => [name, gzipSync(readFileSync(`${out}/${name}`)).length]));
for (const [name, size] of sizes) console.log(`${name.padEnd(16)} ${(size / 1024).toFixed(1).padStart(7)} KiB gzipped`);
const dashboard = [...sizes].filter(([name]) => name.endsWith(".js")).reduce((sum, [, size]) => sum + size, 0);
for (const [what, size] of [["the dashboard's script", dashboard], ["report.html", sizes.get("report.html") ?? 0]]) {
  console.log(`${what}: ${(size / 1024).toFixed(1)} of ${LIMIT / 1024} KiB`);
  if (size > LIMIT) {
    console.error(`${what} is too large`);
    process.exitCode = 1;
  }
}
