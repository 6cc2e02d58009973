// A gateway that makes everything up, for work on the pages and for measuring them: dist/ with the gateway's
// Content-Security-Policy, the stream, and as much of the API as the pages ask for.
//   npm run mock -- [--checks 100000] [--rate 1700] [--port 9115] [--hostile] [--trouble] [--calm] [--newer] [--version V]
// --trouble: config error and network down; --newer: frames with fields and a state that are yet to be thought of. POST /mock/NAME does something to the viewers: break, gap, garbage,
// remove/ID, silence; fail: of each cause a check fails.
import { create, toBinary } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { CheckStatus, MetricsBatchSchema } from "../src/gen/sonde/v1/stream_pb.js";

const { values: options } = parseArgs({
  options: {
    checks: { type: "string", default: "2000" },
    rate: { type: "string", default: "1700" },
    port: { type: "string", default: "9115" },
    hostile: { type: "boolean", default: false },
    trouble: { type: "boolean", default: false },
    calm: { type: "boolean", default: false },
    newer: { type: "boolean", default: false },
    version: { type: "string", default: "0.9.0-mock" },
  },
});
const CHECKS = Number(options.checks);
const FRAME_CHECKS = 5000; // of the first picture, in one frame
const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
const STATES = { [CheckStatus.UP]: "up", [CheckStatus.DOWN]: "down", [CheckStatus.FLAPPING]: "flapping", [CheckStatus.UNKNOWN]: "unknown" };

// --- the made-up world --------------------------------------------------------------------------------------------------

let seed = 7;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32; // the same world every time
const pick = (list) => list[Math.floor(random() * list.length)];

const FAILURES = [
  ["connect", "timeout", "syn_unanswered", "no answer within 3 s"],
  ["connect", "refused", "", "connection refused"],
  ["first_byte", "timeout", "acked_no_reply", "no reply within 5 s; the request was acknowledged"],
  ["tls", "tls_error", "certificate_expired", "the certificate expired on 2026-01-03T00:00:00Z"],
  ["done", "protocol_error", "status_code", "status 503, expected 200"],
  ["dns", "dns_error", "nxdomain", "no such name"],
];
/** One that a module can meet: an echo request is not refused and sees no certificate. */
function failureOf(module) {
  const can = { connect: module !== "dns_soa", tls: module === "tls_strict", first_byte: /http|grpc/.test(module), done: /http/.test(module), dns: true };
  return pick(FAILURES.filter(([phase, outcome]) => can[phase] && !(module === "icmp" && outcome === "refused")));
}
const HOSTILE = ["<img src=x onerror=alert(1)>", "moc.elpmaxe\u202e//:ptth\u2066", "\u0000\u0007\u001b[31mred\u001b[0m", "a".repeat(20_000), "﷽".repeat(40), "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘", "</script><script>alert(1)</script>"];
const names = ["shop", "checkout", "search", "payments", "mail-in", "mail-out", "cdn-edge", "auth", "reports", "dns-public", "warehouse", "status-page"];
const modules = ["http_2xx", "http_2xx", "tcp_connect", "tls_strict", "icmp", "dns_soa", "grpc_plain"];
const groups = Array.from({ length: Math.max(6, Math.min(200, CHECKS / 100)) }, (_, i) => ({
  index: i + 1,
  name: names[i % names.length] + (i < names.length ? "" : `-${Math.floor(i / names.length)}`),
  module: modules[i % modules.length],
  labels: { team: pick(["web", "core", "edge", "data"]), dc: pick(["fra1", "ams2", "iad3"]), ...(options.hostile && i % 2 ? { note: pick(HOSTILE) } : {}) },
  intervalMs: pick([5000, 15_000, 60_000]),
  priority: pick(["high", "normal", "normal", "low"]),
}));

function address({ name, module, labels }, i) {
  const host = `${name.replace(/-\d+$/, "")}${i}.${labels.dc}.example.net`;
  if (module.startsWith("http")) return `https://${host}/health`;
  return module === "icmp" || module === "dns_soa" ? host : `${host}:${{ tls_strict: 443, grpc_plain: 50051 }[module] ?? pick([22, 25, 5432])}`;
}

const started = Date.now() - 86_400_000 * 3;
const checks = Array.from({ length: CHECKS }, (_, i) => {
  const group = groups[i % groups.length];
  const target = options.hostile && i % 3 === 0 ? pick(HOSTILE) + i : address(group, i);
  const fate = random();
  const failure = fate < (options.calm ? 0 : 0.009) ? (random() < 0.6 && group.module !== "dns_soa" ? FAILURES[0] : failureOf(group.module)) : undefined;
  const check = {
    id: (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(i), target, group, base: 800 * 2 ** (random() * 8), failure,
    status: failure ? CheckStatus.DOWN : fate > 0.998 && !options.calm ? CheckStatus.FLAPPING : fate > 0.9965 ? CheckStatus.UNKNOWN : CheckStatus.UP,
    sinceMs: Date.now() - Math.floor(random() ** 3 * 86_400_000 * 2), recent: [], changes: [],
  };
  for (let run = 0; run < 20 && check.status !== CheckStatus.UNKNOWN; run++) result(check, Date.now() - (20 - run) * group.intervalMs, run);
  return check;
});
const byId = new Map(checks.map((check) => [check.id, check]));
const changes = []; // of the last hour
for (let minute = 60; minute > 0; minute--)
  for (let n = Math.floor(random() ** 6 * (options.calm ? 0 : 9)); n > 0; n--) turn(pick(checks), Date.now() - minute * 60_000, undefined, true);

function result(check, at, run = 20) {
  const fails = check.failure ? run > 12 : check.status === CheckStatus.FLAPPING ? random() < 0.4 : random() < 0.001;
  check.lastMs = at;
  check.success = !fails;
  check.failed = fails ? (check.failure ?? failureOf(check.group.module)) : undefined;
  check.durationUs = Math.round(fails ? 3_000_000 : check.base * (0.8 + random() ** 8 * 6));
  check.recent.push(fails ? 0 : Math.min(255, Math.max(1, 1 + Math.round(10 * Math.log2(check.durationUs / 10)))));
  if (check.recent.length > 30) check.recent.shift();
}

/** Changes a check's state; `past`: only told, for a history. */
function turn(check, at, failure, past = false) {
  const to = past ? pick([CheckStatus.UP, CheckStatus.DOWN]) : failure ? CheckStatus.DOWN : CheckStatus.UP;
  const from = past ? (to === CheckStatus.UP ? CheckStatus.DOWN : CheckStatus.UP) : check.status;
  const why = to === CheckStatus.DOWN ? (failure ?? failureOf(check.group.module)) : undefined;
  const change = { id: check.id, timeMs: BigInt(at), from, to, cause: why ? `${why[0]} ${why[1]}${why[2] && ": "}${why[2]}` : "" };
  changes.push(change);
  check.changes.push(change);
  if (!past) Object.assign(check, { status: to, failure, sinceMs: at });
  return change;
}

// --- the stream ---------------------------------------------------------------------------------------------------------

const told = (check, first) => {
  const [phase = "", outcome = "", cause = "", error = ""] = check.failed ?? [];
  return {
    id: check.id, status: check.status, sinceMs: BigInt(check.sinceMs), lastMs: BigInt(check.lastMs ?? 0), success: check.success ?? false, durationUs: check.durationUs ?? 0,
    phase, outcome, cause: options.hostile && cause ? pick(HOSTILE) : cause, error: options.hostile && error ? pick(HOSTILE) : error,
    ...(first ? { target: check.target, group: check.group.index, recent: Uint8Array.from(check.recent) } : {}),
  };
};
const by = (status) => BigInt(checks.reduce((sum, check) => sum + (check.status === status), 0));
let ticks = 0;
const gateway = () => ({
  version: options.version, startedMs: BigInt(started), up: by(CheckStatus.UP), down: by(CheckStatus.DOWN), flapping: by(CheckStatus.FLAPPING), unknown: by(CheckStatus.UNKNOWN),
  networkDown: options.trouble, configHash: "9f86d081884c7d65", configLoadedMs: BigInt(started + 1e6),
  configError: options.trouble ? "gateway.yaml:12: checks[3].intervall: no such key; did you mean interval?" : "",
  limiter: { rate: Number(options.rate), windowRate: Number(options.rate) * (0.7 + 0.1 * Math.sin(ticks / 9)), fill: 0.95, tier: 1, shed: [{ name: "low", count: BigInt(40 + ticks) }, { name: "normal", count: 2n }, { name: "high", count: 0n }] },
  connections: [{ name: "in_flight", count: BigInt(300 + Math.round(40 * Math.sin(ticks / 5))) }, { name: "idle", count: 5210n }],
  lateness: { count: 90_000n, p50Us: 140n, p99Us: 2_300n, maxUs: 48_000n }, runsPerSecond: Number(options.rate), waiting: 12n, viewers: viewers.size, localFaults: 3n,
});

/** What a message holds that this version does not know: a number, and bytes. */
const YET_UNKNOWN = [{ no: 901, wireType: 0, data: Uint8Array.of(7) }, { no: 902, wireType: 2, data: Uint8Array.of(3, 1, 2, 3) }];
function newer(batch) {
  for (const message of [batch, batch.gateway, ...batch.groups, ...batch.checks, ...batch.transitions]) if (message) message.$unknown = YET_UNKNOWN;
  for (const check of batch.checks) if (check.id === checks[0].id) check.status = 9;
  return batch;
}

const viewers = new Map(); // socket → its last sequence
let silent = false;
const send = (socket, batch) => {
  const sequence = viewers.get(socket) + 1n;
  viewers.set(socket, sequence);
  const frame = create(MetricsBatchSchema, { sequence, timeUs: BigInt(Date.now()) * 1000n, ticks: 1, ...batch });
  socket.send(toBinary(MetricsBatchSchema, options.newer ? newer(frame) : frame));
};

function welcome(socket) {
  viewers.set(socket, 0n);
  socket.on("close", () => viewers.delete(socket));
  for (let sent = 0; sent === 0 || sent < checks.length; sent += FRAME_CHECKS) {
    const some = checks.slice(sent, sent + FRAME_CHECKS);
    send(socket, {
      first: sent === 0, following: Math.max(0, checks.length - sent - some.length), checks: some.map((check) => told(check, true)),
      ...(sent === 0 ? { gateway: gateway(), groups, transitions: changes } : {}),
    });
  }
}

let next = 0;
setInterval(() => {
  ticks++;
  const ran = [];
  const transitions = [];
  for (let i = Math.min(Number(options.rate), checks.length); i > 0; i--) {
    const check = checks[next++ % checks.length];
    if (!options.calm && random() < 0.001) transitions.push(turn(check, Date.now(), check.status === CheckStatus.DOWN ? undefined : failureOf(check.group.module)));
    result(check, Date.now());
    ran.push(check);
  }
  if (silent) return;
  for (const socket of viewers.keys()) send(socket, { gateway: gateway(), checks: ran.map((check) => told(check, false)), transitions });
}, 1000);

// --- HTTP ---------------------------------------------------------------------------------------------------------------

const iso = (ms) => new Date(Number(ms)).toISOString();
const PHASES = ["dns", "connect", "tls", "first_byte", "read"];
const phases = (total) => Object.fromEntries(PHASES.map((phase, i) => [phase, Math.round(total * [0.06, 0.14, 0.3, 0.42, 0.08][i] * (0.7 + random() * 0.6))]));

function result_json(check, at, success, durationUs) {
  const [phase, outcome, cause, error] = success ? ["done", "success"] : (check.failed ?? check.failure ?? FAILURES[2]);
  return { ts: iso(at), success, duration_us: durationUs, phase, outcome, ...(cause ? { cause } : {}), ...(error ? { error } : {}), ...(check.group.module.startsWith("http") && success ? { http_status: 200 } : {}) };
}

function check_json(check) {
  const hours = 3600_000;
  const ends = options.hostile ? {} : { not_after: iso(Date.now() + 19.5 * 24 * hours) }; // a date that nobody can read is left out
  return {
    id: check.id.toString(16).padStart(16, "0"), name: check.group.name, module: check.group.module, target: check.target, labels: check.group.labels,
    state: STATES[check.status], since: iso(check.sinceMs), interval_s: check.group.intervalMs / 1000, priority: check.group.priority,
    last: check.lastMs ? { ...result_json(check, check.lastMs, check.success, check.durationUs), http_status: undefined, timing_us: phases(check.durationUs), lateness_us: 120 } : null, next: null,
    transitions: check.changes.slice(-32).map(({ timeMs, from, to, cause }) => ({ ts: iso(timeMs), from: STATES[from], to: STATES[to], cause })),
    recent: check.recent.map((code, i) => result_json(check, check.lastMs - (check.recent.length - 1 - i) * check.group.intervalMs, code !== 0, code ? Math.round(10 * 2 ** ((code - 1) / 10)) : 3_000_000)),
    ...(/http|tls/.test(check.group.module) ? { tls: { version: "TLS1.3", cipher: "TLS_AES_128_GCM_SHA256", ...ends, chain: [
      { subject: options.hostile ? `CN=${pick(HOSTILE)}` : "CN=*.example.net", issuer: "CN=Example Issuing CA 3,O=Example", not_before: iso(Date.now() - 70 * 24 * hours), ...ends, sha256: "ab".repeat(32) },
      { subject: "CN=Example Issuing CA 3,O=Example", issuer: "CN=Example Root,O=Example", not_before: iso(Date.now() - 900 * 24 * hours), not_after: iso(Date.now() + 900 * 24 * hours), sha256: "cd".repeat(32) }] } } : {}),
  };
}

function history(check, query) {
  const [from, to] = [Number(query.get("from")) * 1000, Number(query.get("to")) * 1000];
  const step = Math.max(parseFloat(query.get("step") ?? "0") * 1000, check.group.intervalMs);
  const points = [];
  for (let at = Math.ceil(from / step) * step; at < to && points.length < 2000; at += step) {
    const runs = Math.max(1, Math.round(step / check.group.intervalMs));
    const hard = Math.sin(at / 9e6) > 0.97 || (check.failure && at > check.sinceMs - step);
    const good = hard ? Math.floor(runs * random() * 0.5) : runs;
    const middle = check.base * (1 + 0.3 * Math.sin(at / 4e6) + (random() < 0.02 ? 3 : 0));
    points.push({ ts: iso(at), count: runs, success: good, ...(good ? { duration_us: { min: Math.round(middle * 0.8), p50: Math.round(middle), p99: Math.round(middle * 2.1), max: Math.round(middle * 2.6) } } : {}), timing_us: phases(middle) });
  }
  return { points, step_s: query.has("step") ? step / 1000 : 0 };
}

const tricks = {
  break: () => [...viewers.keys()].forEach((socket) => socket.terminate()),
  gap: () => [...viewers.keys()].forEach((socket) => viewers.set(socket, viewers.get(socket) + 3n)),
  garbage: () => [...viewers.keys()].forEach((socket) => socket.send(new Uint8Array([0x0a, 0xff, 0xff]))),
  silence: () => (silent = !silent),
  fail: () => {
    const failed = FAILURES.map((failure, i) => ({ check: checks[i], transition: turn(checks[i], Date.now(), failure) }));
    for (const { check } of failed) result(check, Date.now());
    for (const socket of viewers.keys()) send(socket, { checks: failed.map(({ check }) => told(check, false)), transitions: failed.map(({ transition }) => transition) });
  },
  remove: (id) => {
    const check = byId.get(BigInt(`0x${id}`));
    if (!check) return;
    byId.delete(check.id);
    checks.splice(checks.indexOf(check), 1);
    for (const socket of viewers.keys()) send(socket, { removed: [check.id] });
  },
};

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://127.0.0.1");
  const answer = (status, type, body) => response.writeHead(status, { "content-type": type, "content-security-policy": CSP, "x-content-type-options": "nosniff" }).end(body);
  const json = (status, value) => answer(status, "application/json", JSON.stringify(value));
  const [, id, what] = /^\/api\/v1\/checks\/([0-9a-f]{16})(\/history)?$/.exec(url.pathname) ?? [];
  const trick = /^\/mock\/(\w+)\/?(\w*)$/.exec(url.pathname);
  if (trick && request.method === "POST" && Object.hasOwn(tricks, trick[1])) {
    tricks[trick[1]](trick[2]);
    answer(200, "text/plain", "");
  } else if (id) {
    const check = byId.get(BigInt(`0x${id}`));
    if (!check) json(404, { error: `no check has the id ${id}` });
    else json(200, what ? history(check, url.searchParams) : check_json(check));
  } else if (url.pathname === "/api/v1/status") {
    json(200, { version: options.version });
  } else if (url.pathname === "/probe") {
    setTimeout(() => answer(200, "text/plain; charset=utf-8", `Logs for the probe:\nts=${iso(Date.now())} level=info msg="Beginning probe" target=${url.searchParams.get("target")}\n<b>not bold</b>\n\nMetrics that would have been returned:\nprobe_success 1\n`), 700);
  } else {
    const name = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
    try {
      if (!/^[\w.-]+$/.test(name)) throw new Error("no such page");
      answer(200, TYPES[name.split(".").pop()] ?? "application/octet-stream", readFileSync(DIST + name));
    } catch {
      answer(404, "text/plain", "404 Not Found\n");
    }
  }
});
new WebSocketServer({ server, path: "/api/v1/stream" }).on("connection", welcome);
server.listen(Number(options.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/ with ${CHECKS} checks`));
