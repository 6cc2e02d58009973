// A check's history as the chart of its phases and the bar of its availability draw it.
import { PHASES, type Phase, type Point } from "../api";

export const RANGES = { "1 h": 3600, "6 h": 6 * 3600, "24 h": 86_400, "7 d": 7 * 86_400 } as const; // seconds
export type Range = keyof typeof RANGES;
const POINTS = 180; // about as many are asked for
const STEPS = [10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/** Seconds a point: no shorter than the check's interval, so that points are not mostly empty. */
export function stepOf(range: Range, intervalS: number): number {
  const wanted = Math.max(RANGES[range] / POINTS, intervalS);
  return STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted);
}

export interface Stack {
  times: number[]; // unix seconds
  phases: Phase[]; // those that happened at all
  own: (number | null)[][]; // by phase: milliseconds of the phase alone
  sums: (number | null)[][]; // by phase: with those before it
  failures: number[]; // by time: the share of runs that failed
}

/** Points where nothing ran for more than a step are parted by an empty one, so that no line spans a gap. */
export function stack(points: Point[], stepS: number): Stack {
  const phases = PHASES.filter((phase) => points.some((point) => point.timing_us?.[phase] !== undefined));
  const made: Stack = { times: [], phases, own: phases.map(() => []), sums: phases.map(() => []), failures: [] };
  for (const point of points) {
    const time = Date.parse(point.ts) / 1000;
    const last = made.times.at(-1);
    if (!Number.isFinite(time) || (last !== undefined && time <= last)) continue;
    if (last !== undefined && time - last > 2.5 * stepS) add(made, last + stepS, undefined);
    add(made, time, point);
  }
  return made;
}

function add(made: Stack, time: number, point: Point | undefined): void {
  made.times.push(time);
  made.failures.push(point && point.count > 0 ? 1 - point.success / point.count : 0);
  let sum: number | null = point && made.phases.some((phase) => point.timing_us?.[phase] !== undefined) ? 0 : null;
  made.phases.forEach((phase, i) => {
    const own = (point?.timing_us?.[phase] ?? 0) / 1000;
    if (sum !== null) sum += own;
    made.own[i]!.push(sum === null ? null : own);
    made.sums[i]!.push(sum);
  });
}

export interface Stretch {
  fromS: number;
  toS: number;
  count: number;
  success: number;
}

/** The range in `slots` equal stretches; one without runs has a count of 0. */
export function availability(points: Point[], fromS: number, toS: number, slots: number): Stretch[] {
  const width = (toS - fromS) / slots;
  const stretches = Array.from({ length: slots }, (_, i) => ({ fromS: fromS + i * width, toS: fromS + (i + 1) * width, count: 0, success: 0 }));
  for (const point of points) {
    const stretch = stretches[Math.floor((Date.parse(point.ts) / 1000 - fromS) / width)];
    if (!stretch) continue;
    stretch.count += point.count;
    stretch.success += point.success;
  }
  return stretches;
}
