import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { AddressMapSchema, PhaseLatencySchema, ScanReportSchema, SeriesSchema } from "../gen/sonde/v1/scan_report_pb";
import { axisPlace, axisTicks, bucketRange, bucketStart, cellCount, cellText, drawable, filledCells, findings, fullestCells, rates, verdict } from "./scan";

const report = (fields: object) => create(ScanReportSchema, fields);

describe("verdict", () => {
  it("says how many succeeded", () => {
    expect(verdict(report({ records: 4n, outcomes: [{ name: "success", count: 1n }, { name: "timeout", count: 3n }] }))).toBe("1 of 4 probes succeeded, 25 %");
    expect(verdict(report({ records: 1n, outcomes: [{ name: "success", count: 1n }] }))).toBe("1 probe, all successes");
    expect(verdict(report({ records: 2n, outcomes: [{ name: "refused", count: 2n }] }))).toBe("0 of 2 probes succeeded, 0 %");
    expect(verdict(report({}))).toBe("No records");
    expect(verdict(report({ live: {} }))).toBe("Nothing has ended yet");
  });
});

describe("findings", () => {
  it("names the most frequent failure, and what of the certificates is urgent", () => {
    const lines = findings(
      report({
        records: 10n,
        outcomes: [{ name: "success", count: 6n }],
        errors: [{ phase: "first_byte", outcome: "timeout", cause: "acked_no_reply", count: 3n }],
        tls: { certificates: 5n, expiry: [{ name: "expired", count: 2n }], versions: { rows: [{ name: "TLS1.0", count: 1n }] } },
      }),
    );
    expect(lines).toEqual([
      "Most failures are timeout, in first byte (acked no reply): 3, 75 % of them.",
      "Of 5 certificates 2 had expired and 0 would within 7 days.",
      "1 handshake settled on a version older than TLS 1.2.",
    ]);
  });
  it("says that failures are missing from records without them", () => {
    expect(findings(report({ records: 1n, outcomes: [{ name: "success", count: 1n }] }))[0]).toContain("--all");
    expect(findings(report({ records: 1n, outcomes: [{ name: "success", count: 1n }], live: {} }))).toEqual([]);
  });
});

describe("buckets of latency", () => {
  it("begin where the one before ends", () => {
    expect([0, 3, 4, 7, 8, 9, 12].map(bucketStart)).toEqual([0, 3, 4, 7, 8, 10, 16]);
    for (let b = 1; b < 150; b++) expect(bucketStart(b)).toBeGreaterThan(bucketStart(b - 1));
  });
  it("stand on one axis for all phases", () => {
    const rows = [
      create(PhaseLatencySchema, { firstBucket: 8, buckets: [1n, 2n] }),
      create(PhaseLatencySchema, { firstBucket: 20, buckets: [1n] }),
    ];
    const range = bucketRange(rows);
    expect(range).toEqual([8, 21]);
    for (let b = 8; b < 21; b++) expect(axisPlace(bucketStart(b), range)).toBeCloseTo((b - 8) / 13);
    expect(axisPlace(0, range)).toBe(0);
    expect(axisPlace(1e9, range)).toBe(1);
    expect(bucketRange([])).toEqual([0, 1]);
  });
  it("have ticks at powers of ten", () => {
    expect(axisTicks([4, 64]).map((tick) => tick.text)).toEqual(["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]);
  });
});

describe("rates", () => {
  it("are a second's, whatever the step", () => {
    expect(rates(create(SeriesSchema, { stepS: 4, records: [8n, 0n, 40n] }))).toEqual({ peak: 10, mean: 4 });
    expect(rates(create(SeriesSchema, {}))).toEqual({ peak: 0, mean: 0 });
  });
});

describe("the map", () => {
  const map = create(AddressMapSchema, {
    prefixAddress: 0x0a000000,
    prefixLength: 24,
    cellLength: 26,
    records: new Uint8Array([0, 1, 81, 9]),
    successes: new Uint8Array([0, 0, 41, 9]),
  });
  it("says a cell in words", () => {
    expect(cellText(map, 0)).toBe("10.0.0.0/26: no record");
    expect(cellText(map, 1)).toBe("10.0.0.64/26: 1 record, 0 of them successes");
    expect(cellText(map, 2)).toBe("10.0.0.128/26: about 1,000 records, about 32 of them successes");
  });
  it("lists the fullest cells first", () => {
    expect(fullestCells(map, 2)).toEqual([2, 3]);
    expect(filledCells(map)).toBe(3);
  });
  it("is not drawn when its sizes do not agree", () => {
    expect(drawable(map)).toBe(true);
    expect(drawable(create(AddressMapSchema, { prefixLength: 0, cellLength: 16 }))).toBe(false);
    expect(drawable(create(AddressMapSchema, { prefixLength: 8, cellLength: 9, records: new Uint8Array(2), successes: new Uint8Array(2) }))).toBe(false);
    expect(drawable(create(AddressMapSchema, { prefixLength: 4294967295, cellLength: 0 }))).toBe(false);
  });
  it("tells small counts exactly", () => {
    for (let n = 1; n <= 13; n++) expect(cellCount(1 + Math.floor(8 * Math.log2(n)))).toBe(n);
    expect(cellCount(0)).toBe(0);
  });
});
