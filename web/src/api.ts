// The gateway's JSON, as far as the pages use it (docs/openapi.yaml). Every field of an answer may be missing: it may be
// another version's.
import { STATES, type State } from "./store";

export const PHASES = ["dns", "connect", "tls", "write", "first_byte", "read"] as const;
export type Phase = (typeof PHASES)[number];
export type Timing = Partial<Record<Phase, number>>;

export interface Certificate {
  subject: string;
  issuer: string;
  not_before?: string; // like every date of a certificate: not there where it cannot be read
  not_after?: string;
  sha256: string;
}

export interface Response {
  ts: string;
  success: boolean;
  duration_us: number;
  outcome: string;
  phase: string;
  cause?: string;
  error?: string;
  http_status?: number;
}

export interface CheckDetail {
  id: string;
  name: string;
  module: string;
  target: string;
  labels?: Record<string, string>;
  state: State;
  since: string;
  interval_s: number;
  priority: string;
  last: (Response & { timing_us?: Timing; lateness_us?: number; counted?: boolean }) | null;
  next: string | null;
  transitions?: { ts: string; from: State; to: State; cause: string }[];
  tls?: { version: string; cipher: string; not_after?: string; days_left?: number; chain: Certificate[] };
  recent?: Response[];
}

export interface Point {
  ts: string;
  count: number;
  success: number;
  duration_us?: { min: number; p50: number; p99: number; max: number };
  timing_us: Timing;
  cause?: string;
}

export class NotThere extends Error {}

async function get(path: string, signal: AbortSignal): Promise<globalThis.Response> {
  const response = await fetch(path, { signal, headers: { accept: "application/json, text/plain" } });
  if (response.ok) return response;
  const text = (await response.text()).slice(0, 500).trim();
  let said = text;
  try {
    said = String((JSON.parse(text) as { error?: unknown }).error ?? text);
  } catch {
    // plain text, or cut JSON
  }
  if (response.status === 404) throw new NotThere(said);
  throw new Error(response.status === 401 ? "the gateway wants credentials; load this page again" : `${response.status}: ${said}`);
}

export async function fetchCheck(id: string, signal: AbortSignal): Promise<CheckDetail> {
  const check = (await (await get(`api/v1/checks/${id}`, signal)).json()) as CheckDetail;
  return { ...check, state: STATES.includes(check.state) ? check.state : "unknown" };
}

export async function fetchHistory(id: string, fromS: number, toS: number, stepS: number, signal: AbortSignal): Promise<{ points: Point[]; step_s: number }> {
  return (await get(`api/v1/checks/${id}/history?from=${fromS}&to=${toS}&step=${stepS}`, signal)).json();
}

/** The log of a probe made at once. */
export async function probe(target: string, module: string, signal: AbortSignal): Promise<string> {
  return (await get(`probe?${new URLSearchParams({ target, module, debug: "true" })}`, signal)).text();
}
