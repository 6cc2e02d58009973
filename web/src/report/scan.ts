// What the view says of a ScanReport: its words and figures, apart from where they stand.
import { count, counted, duration, percent, words } from "../format";
import type { AddressMap, Counted, PhaseLatency, ScanReport, Series } from "../gen/sonde/v1/scan_report_pb";
import { prefix } from "./hilbert";

/** In the order of the contract; what comes with another name is shown as `unknown`. */
export const OUTCOMES = [
  "success", "refused", "timeout", "reset", "closed", "unreachable",
  "dns_error", "tls_error", "protocol_error", "local_error", "blocked", "cancelled", "unknown",
] as const;

export const STRANGE: Record<string, string> = {
  rare: "Unlike the others on their port",
  odd_port: "A service on another one's port",
  tls_on_odd_port: "TLS where none is expected",
  suspect: "All ports of the address do the same: a tarpit, or a proxy that answers SYNs",
  stalled: "Connected, then stalled",
  expired: "Expired certificate",
  not_yet_valid: "Certificate not valid yet",
  self_signed: "Self-signed certificate",
  wrong_name: "Certificate for another name",
  old_tls: "SSL 3, TLS 1.0 or 1.1",
};

export const EXPIRY: Record<string, string> = {
  expired: "has expired",
  "7d": "within 7 days",
  "30d": "within 30 days",
  "90d": "within 90 days",
  "1y": "within a year",
  later: "later",
  unknown: "not told",
};

export const VERDICTS: Record<string, string> = {
  verified: "a browser would accept it",
  not_verified: "a browser would refuse it",
  self_signed: "self-signed",
  not_yet_valid: "not valid yet",
  wrong_name: "not for the name or address that was asked for",
};

export const of = (rows: readonly Counted[], name: string): number => Number(rows.find((row) => row.name === name)?.count ?? 0n);
const share = (part: number, all: number): string => percent(all > 0 ? part / all : NaN);

/** The one sentence above all. */
export function verdict(report: ScanReport): string {
  const records = Number(report.records);
  const successes = of(report.outcomes, "success");
  if (records === 0) return report.live ? "Nothing has ended yet" : "No records";
  if (successes === records) return `${count(records)} ${records === 1 ? "probe" : "probes"}, all successes`;
  return `${count(successes)} of ${counted(records, "probe")} succeeded, ${share(successes, records)}`;
}

/** What follows from the counts, as sentences; at most a handful. */
export function findings(report: ScanReport): string[] {
  const lines: string[] = [];
  const records = Number(report.records);
  const successes = of(report.outcomes, "success");
  const failures = records - successes;
  if (records > 0 && failures === 0 && !report.live) lines.push("Only successes are in these records; a scan with --all writes the others too.");
  const worst = report.errors[0];
  if (worst && failures > 0) {
    const cause = worst.cause ? ` (${words(worst.cause)})` : "";
    lines.push(`Most failures are ${words(worst.outcome)}, in ${words(worst.phase)}${cause}: ${count(worst.count)}, ${share(Number(worst.count), failures)} of them.`);
  }
  const connect = report.latency.find((row) => row.phase === "connect");
  if (connect) lines.push(`Half of the connects took at most ${duration(Number(connect.p50Us))}, one in a hundred longer than ${duration(Number(connect.p99Us))}.`);
  if (report.tls) {
    const certificates = Number(report.tls.certificates);
    const expired = of(report.tls.expiry, "expired");
    const soon = of(report.tls.expiry, "7d");
    const old = ["SSL3", "TLS1.0", "TLS1.1"].reduce((sum, name) => sum + of(report.tls!.versions?.rows ?? [], name), 0);
    if (expired + soon > 0) lines.push(`Of ${counted(certificates, "certificate")} ${count(expired)} had expired and ${count(soon)} would within 7 days.`);
    if (old > 0) lines.push(`${counted(old, "handshake")} settled on a version older than TLS 1.2.`);
  }
  const localErrors = of(report.outcomes, "local_error");
  if (localErrors > 0) lines.push(`${counted(localErrors, "probe")} failed through this machine's own fault; \`sonde doctor\` says what it lacks.`);
  return lines;
}

// --- latency ------------------------------------------------------------------------------------------------------------

/** The lowest microsecond of a bucket, as scan_report.proto says. */
export const bucketStart = (b: number): number => (b < 4 ? b : (4 + (b % 4)) * 2 ** (Math.floor(b / 4) - 1));

/** The buckets that all phases together use: from the first, to behind the last. */
export function bucketRange(rows: readonly PhaseLatency[]): [number, number] {
  if (rows.length === 0) return [0, 1];
  return [Math.min(...rows.map((row) => row.firstBucket)), Math.max(...rows.map((row) => row.firstBucket + row.buckets.length))];
}

/** Where a duration stands on the axis of buckets `[first, end)`, from 0 to 1. */
export function axisPlace(us: number, [first, end]: [number, number]): number {
  let bucket = us < 4 ? us : 0;
  if (us >= 4) {
    const exponent = Math.floor(Math.log2(us)) - 2;
    bucket = (exponent + 1) * 4 + us / 2 ** exponent - 4;
  }
  return Math.min(1, Math.max(0, (bucket - first) / (end - first)));
}

/** Powers of ten on the axis, with their words. */
export function axisTicks(range: [number, number]): { at: number; text: string }[] {
  const ticks = [];
  for (let us = 1; us <= 1e10; us *= 10)
    if (us >= bucketStart(range[0]) && us < bucketStart(range[1])) ticks.push({ at: axisPlace(us, range), text: duration(us).replace(/\.0+(?= )/, "") });
  return ticks;
}

// --- time ---------------------------------------------------------------------------------------------------------------

/** Records a second: of the step with most, and over all steps. */
export function rates(series: Series): { peak: number; mean: number } {
  const steps = series.records.map(Number);
  if (steps.length === 0) return { peak: 0, mean: 0 };
  const total = steps.reduce((sum, step) => sum + step, 0);
  return { peak: Math.max(...steps) / series.stepS, mean: total / (steps.length * series.stepS) };
}

// --- the map ------------------------------------------------------------------------------------------------------------

/** The least count that a byte of the map may stand for; exact up to 13. */
export const cellCount = (byte: number): number => (byte === 0 ? 0 : Math.ceil(2 ** ((byte - 1) / 8)));
const roughly = (byte: number): string => (byte > 30 ? `about ${count(Number(cellCount(byte).toPrecision(2)))}` : count(cellCount(byte)));

export const mapOrder = (map: AddressMap): number => (map.cellLength - map.prefixLength) / 2;
/** Whether its sizes agree: what comes from elsewhere is drawn only then. */
export const drawable = (map: AddressMap): boolean => {
  const order = mapOrder(map);
  return Number.isInteger(order) && order >= 0 && order <= 8 && map.records.length === 4 ** order && map.successes.length === 4 ** order;
};
export const mapPrefix = (map: AddressMap): string => prefix(map.prefixAddress, map.prefixLength);
export const cellPrefix = (map: AddressMap, cell: number): string => prefix(map.prefixAddress + cell * 2 ** (32 - map.cellLength), map.cellLength);

/** One cell in words. */
export function cellText(map: AddressMap, cell: number): string {
  const records = map.records[cell] ?? 0;
  if (records === 0) return `${cellPrefix(map, cell)}: no record`;
  return `${cellPrefix(map, cell)}: ${roughly(records)} ${records === 1 ? "record" : "records"}, ${roughly(map.successes[cell] ?? 0)} of them successes`;
}

/** The cells with most successes, then most records. */
export function fullestCells(map: AddressMap, most: number): number[] {
  const cells = [...map.records.keys()].filter((cell) => map.records[cell]! > 0);
  cells.sort((a, b) => map.successes[b]! - map.successes[a]! || map.records[b]! - map.records[a]! || a - b);
  return cells.slice(0, most);
}
export const filledCells = (map: AddressMap): number => map.records.reduce((sum, byte) => sum + (byte > 0 ? 1 : 0), 0);
