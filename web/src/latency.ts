// The bytes of CheckUpdate.recent: a result in one byte (proto/sonde/v1/stream.proto has the rule).

export const FAILED = 0;

export function encodeResult(success: boolean, durationUs: number): number {
  if (!success) return FAILED;
  const code = 1 + Math.round(10 * Math.log2(Math.max(durationUs, 1) / 10));
  return Math.min(255, Math.max(1, code));
}

/** Microseconds, within 4 %; NaN of a failure. */
export const decodeResult = (code: number): number => (code === FAILED ? NaN : 10 * 2 ** ((code - 1) / 10));
