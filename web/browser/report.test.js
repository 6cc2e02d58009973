// A scan as it runs and the report of its records: one page, of the real program over a real world.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serious } from "./axe.js";
import { until, untilText } from "./browser.js";
import { sonde, world } from "./scans.js";
import { session } from "./session.js";

const { look, own } = session();
// A world each: connections that a world closed keep its ports for a minute.
const PREFIX = "127.91.0.0/24";
const LIVE_PREFIX = "127.92.0.0/24";
const PORTS = "2022,2080";
const IMG = "<img src=x onerror=alert(1)>";

let folder;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sonde-browser-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = (name) => join(folder, name);
async function finished(run) {
  const code = await run.over;
  if (code !== 0) throw new Error(`exit code ${code}: ${run.said}`);
}
async function report(name, ...files) {
  await finished(own(sonde("report", ...files, "-o", path(name))));
  return pathToFileURL(path(name)).href;
}

const text = (number) => number.toLocaleString("en-US");
const foreign = (page) => page.evaluate(() => document.querySelectorAll("img, iframe, object, embed, b, a[href^='javascript:'], a[href^='http']").length);

test("the report of a scan says what its records say, and loads nothing", async () => {
  await own(world(PREFIX, PORTS)).ready;
  await finished(own(sonde("scan", PREFIX, "-p", PORTS, "--probe", "tcp,banner", "--all", "--read-timeout", "500ms", "--connect-timeout", "500ms", "-o", path("records.ndjson"))));
  const records = readFileSync(path("records.ndjson"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const succeeded = records.filter(({ outcome }) => outcome === "success").length;
  expect(succeeded).toBeGreaterThan(0);
  const url = await report("report.html", path("records.ndjson"));

  for (const colorScheme of ["light", "dark"]) {
    const page = await look(url, { colorScheme });
    await untilText(page, "h1", new RegExp(`^${text(succeeded)} of ${text(records.length)} probes succeeded`));
    await untilText(page, ".outcomes", new RegExp(`success\\s*${text(succeeded)}`));
    expect(await serious(page), colorScheme).toEqual([]);
  }
  const phone = await look(url, { viewport: { width: 360, height: 740 } });
  await untilText(phone, "h1", /probes succeeded/);
  expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
});

test("hostile records are text in a report", async () => {
  const hostile = ["</script><script>alert(1)</script>", IMG, "<!--", "\u2028\u202egnp.exe", "a".repeat(5000)];
  const lines = hostile.map((words, i) => JSON.stringify({
    ts: `2026-11-22T21:26:3${i}.123456Z`, ip: `127.0.0.${i + 1}`, port: 2022, host: words, probe: words, outcome: "success", phase: "done", attempts: 1,
    timing_us: { connect: 10 ** i, total: 10 ** i }, banner: { protocol: words, product: words }, http: { status: 200, title: words },
    tls: { version: words, cipher: words, certificate: { issuer: words, subject: words } },
  }));
  writeFileSync(path(`records ${IMG.replaceAll("/", "")}.ndjson`), `${lines.join("\n")}\nno record ${IMG}\n`);
  const page = await look(await report("hostile.html", path(`records ${IMG.replaceAll("/", "")}.ndjson`)));
  await untilText(page, "h1", /^5 probes, all successes/);
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  await untilText(page, "main", /<img src=x onerror=alert\(1\)>/);
  expect(await foreign(page)).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280);
});

test("a page that is damaged says so", async () => {
  const url = await report("whole.html", path("records.ndjson"));
  const whole = readFileSync(path("whole.html"), "utf8");
  writeFileSync(path("damaged.html"), whole.replace(/(<script type="application\/json" id="report-data">)[^<]*/, "$1{\"records\": "));
  const page = await look(url.replace("whole", "damaged"));
  await untilText(page, "body", /\S/);
  expect(await page.evaluate(() => document.body.innerText)).not.toMatch(/probes succeeded/);
});

test("a scan is seen while it runs, and its end is said", async () => {
  await own(world(LIVE_PREFIX, PORTS)).ready;
  const scan = own(sonde("scan", LIVE_PREFIX, "-p", PORTS, "--all", "--rate", "80", "--progress", "none", "-o", path("live.ndjson"), "--live", "127.0.0.1:0"));
  const url = await until("the scan says where it is shown", () => /http:\/\/127\.0\.0\.1:\d+\//.exec(scan.said)?.[0]);
  const page = await look(url);
  await untilText(page, "main", /running/);
  const first = await untilText(page, "h1", /of [1-9][\d,]* probes succeeded/);
  await until("the figures move", async () => (await page.locator("h1").innerText()) !== first);
  await finished(scan);
  const records = readFileSync(path("live.ndjson"), "utf8").trim().split("\n").length;
  await untilText(page, "h1", new RegExp(`of ${text(records)} probes succeeded`));
  await untilText(page, "main", /finished|ended|over/);
  expect(await foreign(page)).toBe(0);
});
