import { expect, test } from "vitest";
import { age, ago, count, counted, duration, failure, full, moment, percent, shown, utc } from "./format";

test("durations keep three digits and never round up into the wrong unit", () => {
  const cases: [number, string][] = [
    [0, "0 µs"], [340, "340 µs"], [999.4, "999 µs"], [999.6, "1.00 ms"], [12_400, "12.4 ms"], [99_960, "100 ms"],
    [999_400, "999 ms"], [999_600, "1.00 s"], [5_020_000, "5.02 s"], [99_000_000, "99.0 s"], [130_000_000, "2 min"], [-1, "–"], [NaN, "–"],
  ];
  for (const [us, text] of cases) expect(duration(us), `${us}`).toBe(text);
});

test("an age is told in its largest unit", () => {
  expect([0, 999, 1000, 99_999, 100_000, 5_999_000, 6_000_000, 47 * 3600_000, 48 * 3600_000].map(age))
    .toEqual(["now", "now", "1 s", "99 s", "1 min", "99 min", "1 h", "47 h", "2 d"]);
  expect([ago(-5000), ago(3000)]).toEqual(["just now", "3 s ago"]);
});

test("counts have thousands, and one is singular", () => {
  expect([count(100000n), counted(1, "check"), counted(1204, "check")]).toEqual(["100,000", "1 check", "1,204 checks"]);
});

test("a share that is not all is not 100 %", () => {
  expect([0, 1, 0.99999999, 0.0000001, 0.5, 0.99951, 0.1].map(percent)).toEqual(["0 %", "100 %", "99.99 %", "0.01 %", "50 %", "99.95 %", "10 %"]);
});

test("a moment has its date only on another day", () => {
  const at = new Date(2026, 0, 31, 7, 5, 9).getTime();
  expect(moment(at, at + 1000)).toBe("07:05:09");
  expect(moment(at, at + 86_400_000)).toBe("2026-01-31 07:05:09");
  expect(moment(0, at)).toBe("–");
  expect(moment(9e15, at)).toBe("–");
  expect(utc(Date.UTC(2026, 0, 31, 7, 5, 9))).toBe("2026-01-31 07:05:09 UTC");
  expect(utc(9e15)).toBe("");
});

test("what cannot be seen in foreign text is made visible", () => {
  expect(shown("a\u0000b\nc\u007f")).toBe("a‹U+0000›b‹U+000A›c‹U+007F›");
  expect(shown("moc.\u202eelpmaxe\u2066\u200b")).toBe("moc.‹U+202E›elpmaxe‹U+2066›‹U+200B›");
  expect(shown("lone \ud800 and \udc00")).toBe("lone ‹U+D800› and ‹U+DC00›");
  expect(shown("tag \u{e0041}")).toBe("tag ‹U+E0041›");
  expect(shown("naïve 日本 👋 <b>")).toBe("naïve 日本 👋 <b>");
});

test("long text is cut, and says so", () => {
  const long = "x".repeat(5_000_000);
  expect(shown(long, 10)).toBe("xxxxxxxxxx…");
  expect(shown("xxxx👋👋", 5)).toBe("xxxx…"); // no half of a pair
  expect(full(long)).toHaveLength(4000 + "… (5,000,000 characters)".length);
  expect(full("a\n\tb\u202e")).toBe("a\n\tb‹U+202E›");
});

test("a failure is told without saying a thing twice", () => {
  expect(["tls tls_error: certificate_expired", "dns dns_error: nxdomain", "done protocol_error: status_code", "connect timeout: syn_unanswered", "first_byte timeout", ""].map(failure))
    .toEqual(["tls error: certificate expired", "dns error: nxdomain", "protocol error: status code", "connect timeout: SYN unanswered", "first byte timeout", ""]);
});
