// How the table of very many checks feels, by the browser's own trace: web/mock makes the checks up and streams, Chromium
// draws by software (a machine of tests has no GPU; a viewer's has one). Prints one JSON object.
//   node browser/measure.js [--checks 100000] [--rate 1700] [--seconds 10]
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { launch, until, untilText, visit } from "./browser.js";
import { mock } from "./gateways.js";

const PX_A_SECOND = 3000; // a hundred rows
const CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "disabled-by-default-devtools.timeline.frame", "benchmark", "cc"];
const APP = fileURLToPath(new URL("../dist/app.js", import.meta.url));

async function traced(browser, page, what) {
  await browser.startTracing(page, { categories: CATEGORIES });
  const given = await what();
  return { given, events: JSON.parse((await browser.stopTracing()).toString()).traceEvents };
}

/** Of the page's main thread, what ran in one go: [begin, length] in milliseconds, longest first. */
function tasks(events) {
  const mains = new Set(events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  const busiest = [...mains].map((main) => events.filter(({ ph, name, pid, tid }) => ph === "X" && name === "RunTask" && `${pid} ${tid}` === main))
    .sort((a, b) => b.length - a.length)[0] ?? [];
  return busiest.map(({ ts, dur }) => [ts / 1000, dur / 1000]).sort((a, b) => b[1] - a[1]);
}

/** The compositor's frames that had something new: shown, and those left out where the eye sees it. */
function frames(events) {
  const reports = events.filter(({ name, ph }) => name === "PipelineReporter" && ph === "b").map(({ args }) => args.frame_reporter ?? {});
  return {
    shown: reports.filter(({ state }) => /PRESENTED/.test(state)).length,
    dropped: reports.filter(({ state, affects_smoothness }) => /DROPPED/.test(state) && affects_smoothness).length,
  };
}

const rounded = (ms) => Math.round(ms * 10) / 10;

export async function measure({ checks, rate, seconds }) {
  const gateway = await mock("--checks", String(checks), "--rate", String(rate));
  const browser = await launch();
  try {
    const page = await visit(browser, `${gateway.url}#/checks`);
    await untilText(page, ".connection", /^Live$/);
    await page.locator(".row").first().waitFor();
    const firstPaintMs = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    const completeMs = await page.evaluate(() => performance.now());
    await until("the first picture is digested", () => page.received() > checks / 5000 + 3);

    // Data streams, nobody touches anything.
    const heard = page.received();
    const still = await traced(browser, page, () => until("frames came", () => page.received() >= heard + seconds));
    const brought = page.received() - heard;
    const longest = tasks(still.events).slice(0, brought).map(([, ms]) => ms); // one a frame, were they the frames alone

    // The same, scrolled.
    const client = await page.context().newCDPSession(page);
    const scroll = { x: 640, y: 500, yDistance: -PX_A_SECOND * seconds, speed: PX_A_SECOND, gestureSourceType: "mouse" };
    const moving = await traced(browser, page, async () => {
      const began = performance.now();
      await client.send("Input.synthesizeScrollGesture", scroll);
      return { tookMs: performance.now() - began, top: await page.locator(".body").evaluate((body) => body.scrollTop) };
    });
    const { shown, dropped } = frames(moving.events);
    return {
      checks, rate, browser: browser.version(), rendering: "software",
      first_paint_ms: rounded(firstPaintMs), complete_ms: rounded(completeMs),
      script_gzip_kb: rounded(gzipSync(readFileSync(APP), { level: 9 }).length / 1024),
      update_ms: { median: rounded(longest[Math.floor(longest.length / 2)] ?? 0), max: rounded(longest[0] ?? 0) }, frames_streamed: brought,
      scroll: { px: moving.given.top, took_s: rounded(moving.given.tookMs / 1000), frames_shown: shown, frames_dropped: dropped, fps: rounded((shown * 1000) / moving.given.tookMs), longest_task_ms: rounded(tasks(moving.events)[0]?.[1] ?? 0) },
      trouble: await page.trouble(),
    };
  } finally {
    await browser.close();
    await gateway.end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { checks: { type: "string", default: "100000" }, rate: { type: "string", default: "1700" }, seconds: { type: "string", default: "10" } } });
  console.log(JSON.stringify(await measure({ checks: Number(values.checks), rate: Number(values.rate), seconds: Number(values.seconds) })));
}
