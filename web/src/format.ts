// Numbers, times and foreign text as a person reads them.

const US_PER_MS = 1000;

/** A duration in microseconds, in at most three digits: `340 µs`, `12.4 ms`, `5.02 s`. */
export function duration(us: number): string {
  if (!Number.isFinite(us) || us < 0) return "–";
  if (us < 999.5) return `${Math.round(us)} µs`;
  if (us < 999.5 * US_PER_MS) return `${digits(us / US_PER_MS)} ms`;
  if (us < 100e6) return `${digits(us / 1e6)} s`;
  return age(us / US_PER_MS);
}

function digits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : Math.round(value).toString();
}

/** How long something took or is ago, in milliseconds, in its largest unit: `now`, `42 s`, `3 min`, `5 h`, `12 d`. */
export function age(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "now";
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** `age`, said of a moment: `just now`, `3 min ago`. */
export const ago = (ms: number): string => (ms < 1000 ? "just now" : `${age(ms)} ago`);

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const count = (n: number | bigint): string => whole.format(n);

/** `1 check`, `2 checks`. */
export const counted = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

/** A rate a second: `0.4`, `12.5`, `1,690`. */
export const rate = (perSecond: number): string => (perSecond >= 100 ? count(perSecond) : perSecond.toFixed(1));

/** A share as per cent; what is not all is never shown as 100 %, what is not nothing never as 0 %. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  if (share > 0.9999 && share < 1) return "99.99 %";
  if (share < 0.0001 && share > 0) return "0.01 %";
  const text = (share * 100).toFixed(2);
  return `${text.replace(/\.?0+$/, "")} %`;
}

const two = (n: number): string => n.toString().padStart(2, "0");

/** A moment in the viewer's zone: the time of day, with the date where it is another day than `now`'s. */
export function moment(ms: number, now: number): string {
  if (!Number.isFinite(ms) || ms <= 0) return "–";
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "–";
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return date.toDateString() === new Date(now).toDateString()
    ? time
    : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** The same moment in UTC, for titles: `2026-01-31 12:00:00 UTC`. */
export function utc(ms: number): string {
  const date = new Date(ms);
  if (!Number.isFinite(ms) || ms <= 0 || Number.isNaN(date.getTime())) return "";
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

// --- foreign text -------------------------------------------------------------------------------------------------------

// Controls, and what turns the direction of text, hides within it or ends its line: never passed on as they are.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;

function visible(found: string): string {
  return `‹U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`;
}

/** The text with every character in it to be seen, cut to `most` of its characters. */
export function shown(text: string, most = 200): string {
  return text.length <= most ? text.replace(UNSEEN, visible) : `${cut(text, most).replace(UNSEEN, visible)}…`;
}

/** For a title: line breaks and tabs stay, what is too long says how long it was. */
export function full(text: string, most = 4000): string {
  const lines = text.length > most ? `${cut(text, most)}… (${count(text.length)} characters)` : text;
  return lines.replace(UNSEEN, (found) => (found === "\n" || found === "\t" ? found : visible(found)));
}

/** The first characters, no surrogate pair cut in two. */
function cut(text: string, most: number): string {
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most);
}

/** The gateway's names as words: `first_byte` → `first byte`. */
export const words = (name: string): string => name.replaceAll("_", " ");

/** A failure as a person says it: `tls tls_error: certificate_expired` → `tls error: certificate expired`. */
export function failure(why: string): string {
  const plain = why.replace(/^(dns|tls) \1_/, "$1_").replace(/^done (?=protocol_error)/, "");
  return words(plain.replace(/: syn_unanswered$/, ": SYN unanswered"));
}
