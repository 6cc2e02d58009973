// A sparkline's paths: a stroke for each result, its height the logarithm of its duration; a failure is a stroke of full
// height, which no duration reaches, so that it is told apart without colour.
import { FAILED } from "../latency";

export interface Spark {
  good: string;
  failed: string;
}

/** `recent`: bytes as in CheckUpdate.recent, oldest first; `slots`: how many have room, the newest at the right. */
export function spark(recent: Uint8Array, slots: number, step: number, height: number): Spark {
  const codes = recent.subarray(Math.max(0, recent.length - slots));
  let least = 255;
  let most = 1;
  for (const code of codes) {
    if (code === FAILED) continue;
    least = Math.min(least, code);
    most = Math.max(most, code);
  }
  const low = Math.max(1, least - 10); // the quickest result still has a stroke
  const span = Math.max(20, most - low); // noise of a few per cent is not drawn as a mountain
  let good = "";
  let failed = "";
  codes.forEach((code, i) => {
    const x = (slots - codes.length + i) * step + step / 2;
    if (code === FAILED) failed += `M${x} ${height}V0`;
    else good += `M${x} ${height}V${Math.round((height - 1 - ((code - low) / span) * (height * 0.65 - 1)) * 10) / 10}`;
  });
  return { good, failed };
}

/** The same for who does not see it. */
export function sparkText(recent: Uint8Array): string {
  const failures = recent.reduce((sum, code) => sum + (code === FAILED ? 1 : 0), 0);
  return recent.length === 0 ? "no results yet" : `${failures} of the last ${recent.length} runs failed`;
}
