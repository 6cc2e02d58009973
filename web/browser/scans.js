// A world to scan, scans of it, and reports of them: the real program.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ended } from "./gateways.js";

/** `sonde world` on these addresses and ports; it is there when `ready` is. */
export function world(prefix, ports) {
  const child = spawn(process.env.SONDE_BIN, ["world", "--prefix", prefix, "--ports", ports], { stdio: ["ignore", "ignore", "pipe"] });
  const ready = async () => {
    let said = "";
    for await (const line of createInterface(child.stderr)) {
      if (/, ready$/.test(line)) return;
      said += `${line}\n`;
    }
    throw new Error(`sonde world did not come to be ready: ${said}`);
  };
  return { ready: ready(), end: () => ended(child) };
}

/** A command of sonde that runs: `said` is what it has written on standard error. */
export function sonde(...words) {
  const child = spawn(process.env.SONDE_BIN, words, { stdio: ["ignore", "ignore", "pipe"] });
  const run = { said: "", over: once(child, "exit").then(([code]) => code), end: () => ended(child) };
  child.stderr.on("data", (bytes) => (run.said += bytes));
  return run;
}
