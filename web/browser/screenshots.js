// The pictures of the docs: node browser/screenshots.js FOLDER. The dashboard's show web/mock's world; the report's is of
// a scan that the program at SONDE_BIN makes of its own world.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, until, untilText, visit } from "./browser.js";
import { mock } from "./gateways.js";
import { withPalette } from "./png.js";
import { sonde, world } from "./scans.js";

const folder = resolve(process.argv[2] ?? "../docs/img");
const MOST_BYTES = 150_000;
const gateway = await mock("--checks", "2000", "--rate", "120", "--version", "0.1.0");
const browser = await launch();

async function shoot(name, hash, ready, options = {}) {
  const page = await visit(browser, gateway.url + hash, options);
  await untilText(page, ".connection", /^Live$/);
  await ready(page);
  await until("some frames came", () => page.received() > 3);
  await keep(page, `dashboard-${name}.png`);
}

async function keep(page, name) {
  const path = join(folder, name);
  const png = withPalette(await page.screenshot());
  if (png.length > MOST_BYTES) throw new Error(`${path} would have ${png.length} bytes, more than ${MOST_BYTES}`);
  writeFileSync(path, png);
  console.log(`${path}: ${png.length} bytes`);
  await page.context().close();
}

const overview = (page) => untilText(page, "main", /What is broken/);
const rows = (page) => page.locator(".row").first().waitFor();
async function check(page) {
  await rows(page);
  await page.locator(".row").first().click();
  await untilText(page, ".foot", /responses? kept/);
  await until("the history is drawn", async () => (await page.locator(".bar-room, .chart-room").count()) === 0);
}

async function report() {
  const [prefix, ports, made] = ["127.93.0.0/20", "2022,2025,2080,2443", mkdtempSync(join(tmpdir(), "sonde-browser-"))];
  const targets = world(prefix, ports);
  try {
    await targets.ready;
    process.chdir(made); // the report names its file
    for (const words of [["scan", prefix, "-p", ports, "--probe", "tcp,banner", "--all", "--rate", "4000", "-o", "records.ndjson"], ["report", "records.ndjson"]]) {
      const run = sonde(...words);
      if ((await run.over) !== 0) throw new Error(run.said);
    }
    const page = await visit(browser, pathToFileURL(resolve("report.html")).href, { viewport: { width: 1280, height: 1000 } });
    await untilText(page, "h1", /probes succeeded/);
    await keep(page, "report.png");
  } finally {
    await targets.end();
    process.chdir(folder);
    rmSync(made, { recursive: true });
  }
}

try {
  await report();
  await shoot("overview", "#/", overview);
  await shoot("overview-dark", "#/", overview, { colorScheme: "dark" });
  await shoot("checks", "#/checks", rows);
  await shoot("check", "#/checks?q=checkout&module=http_2xx&state=up&sort=duration", check);
  await shoot("phone", "#/", overview, { viewport: { width: 390, height: 760 } });
} finally {
  await browser.close();
  await gateway.end();
}
