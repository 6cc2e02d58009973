// The browser that the tests drive, and pages in it that are watched: what they ask for, what they are refused, what
// goes wrong in them. Run by itself it says which browser there is, or why there is none, and exits with 77.
import { chromium } from "playwright-core";
import { fileURLToPath } from "node:url";

const BROWSER = process.env.SONDE_BROWSER ?? "/usr/bin/chromium";
const PATIENCE_MS = 60_000; // no test says how long something takes; this ends those where it never comes
const POLL_MS = 40;

export function launch() {
  const own = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  // Nothing but the pages under test may be asked for, by the browser itself neither.
  const quiet = ["--disable-background-networking", "--disable-component-update", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
  return chromium.launch({ executablePath: BROWSER, args: [...own, ...quiet], timeout: PATIENCE_MS });
}

/** What `condition` gives once it is true. */
export async function until(what, condition) {
  const end = performance.now() + PATIENCE_MS;
  let last = "";
  while (performance.now() < end) {
    try {
      const found = await condition();
      if (found) return found;
      last = "";
    } catch (error) {
      last = `: ${error.message}`;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`it did not come to pass that ${what}${last}`);
}

/** Until the text of what `selector` finds first fits the pattern; gives the text. */
export function untilText(page, selector, pattern) {
  return until(`${selector} says ${pattern}`, async () => {
    const text = await page.locator(selector).first().innerText({ timeout: 1000 });
    if (!pattern.test(text)) throw new Error(`it says "${text.slice(0, 300)}"`);
    return text;
  });
}

/** Runs before the page's own scripts, in the page. */
function watchFromWithin({ clockAheadMs, chance }) {
  const seen = { violations: [], shifts: 0, alerts: 0 };
  Object.defineProperty(window, "seen", { value: seen });
  if (chance !== undefined) Math.random = () => chance;
  addEventListener("securitypolicyviolation", (event) => seen.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
  window.alert = () => seen.alerts++;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) seen.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  if (clockAheadMs === 0) return;
  const Real = Date;
  window.Date = class extends Real {
    constructor(...given) {
      if (given.length === 0) super(Real.now() + clockAheadMs);
      else super(...given);
    }
    static now() {
      return Real.now() + clockAheadMs;
    }
  };
}

/**
 * A page at `url`, in a context of its own. `clockAheadMs`: what its clock is ahead of this machine's; `chance`: what its
 * Math.random() gives. Besides what pages can do, it can tell:
 *   trouble()    what must never be, as lines: errors, dialogs, what the policy refused, requests to elsewhere
 *   received()   how many frames its streams have brought
 *   shifted()    how much its layout has shifted unasked
 *   loadedAt()   when it was loaded: another moment after a reload
 */
export async function visit(browser, url, { clockAheadMs = 0, chance, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const told = [];
  let frames = 0;
  const origin = new URL(url).origin;
  const own = (asked) => [origin, origin.replace(/^http/, "ws")].includes(new URL(asked).origin) || asked.startsWith("data:");
  context.on("request", (request) => own(request.url()) || told.push(`asked for ${request.url()}`));
  page.on("websocket", (socket) => {
    if (!own(socket.url())) told.push(`opened ${socket.url()}`);
    socket.on("framereceived", () => frames++);
  });
  page.on("pageerror", (error) => told.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => (told.push(`dialog: ${dialog.message()}`), void dialog.dismiss()));
  page.on("console", (message) => /Content.Security.Policy|Uncaught/.test(message.text()) && told.push(`console: ${message.text()}`));
  await page.addInitScript(watchFromWithin, { clockAheadMs, chance });
  await page.goto(url);
  return Object.assign(page, {
    trouble: async () => {
      const { violations, alerts } = await page.evaluate(() => window.seen);
      return [...told, ...violations.map((text) => `refused by policy: ${text}`), ...(alerts > 0 ? [`${alerts} alerts`] : [])];
    },
    received: () => frames,
    shifted: () => page.evaluate(() => window.seen.shifts),
    loadedAt: () => page.evaluate(() => performance.timeOrigin),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const browser = await launch();
    const page = await browser.newPage();
    await page.setContent("<p>here</p>");
    console.log(`chromium ${browser.version()}`);
    await browser.close();
  } catch (error) {
    console.log(`no browser to test in: ${BROWSER} cannot be started: ${error.message.split("\n")[0]}`);
    process.exit(77);
  }
}
