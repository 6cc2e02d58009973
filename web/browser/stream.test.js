// What the dashboard does when its stream is cut, held up, broken, of another version, or of another time.
import { expect, test } from "vitest";
import { until, untilText } from "./browser.js";
import { mock, Proxy } from "./gateways.js";
import { session } from "./session.js";

const { live, own } = session();
const HOUR_MS = 3_600_000;
const some = (...words) => mock("--checks", "300", "--rate", "300", ...words);

/** A page behind a proxy. */
async function behindProxy(options) {
  const gateway = own(await some());
  const proxy = own(await Proxy.before(gateway.port));
  const page = await live(proxy.url, "", options);
  return { proxy, page, loadedAt: await page.loadedAt() };
}

test("a cut stream is said, with the age of the data, and pauses grow until someone says now", async () => {
  const { proxy, page, loadedAt } = await behindProxy({ chance: 0.999 });
  await untilText(page, "h1", /of 300/);
  await until("frames came", () => page.received() > 3);
  proxy.refusing = true;
  proxy.cut();
  await untilText(page, ".banners", /Not live: the connection to the gateway broke. What is shown is the last that is known/);
  await untilText(page, ".connection", /Reconnecting in \d s, data \d+ s old/);
  expect(await page.locator("main").getAttribute("class")).toMatch(/\bstale\b/);
  await untilText(page, ".connection", /Reconnecting in [78] s/); // the pauses before were of 2 and 4 s
  await until("a screen reader is told", async () => /connection to the gateway is broken/.test(await page.locator("[aria-live]").innerText()));

  proxy.refusing = false;
  await page.getByRole("button", { name: "Now" }).click();
  await untilText(page, ".connection", /^Live$/);
  await until("the banner is gone", async () => (await page.locator(".banners p").count()) === 0);
  expect(await page.loadedAt()).toBe(loadedAt);
});

test("a stream that is cut once comes back by itself", async () => {
  const { proxy, page, loadedAt } = await behindProxy();
  proxy.cut();
  await untilText(page, ".connection", /Reconnecting|Connecting/);
  await untilText(page, ".connection", /^Live$/);
  expect(await page.loadedAt()).toBe(loadedAt);
});

test("a stream that is held up shows the age of its data", async () => {
  const { proxy, page } = await behindProxy();
  proxy.stall(true);
  await untilText(page, ".connection", /data \d+ s old/);
  await until("what is shown is marked as old", async () => /\bstale\b/.test(await page.locator("main").getAttribute("class")));
  proxy.stall(false);
  await untilText(page, ".connection", /^Live$/);
});

test.each([["gap", /frames are missing/], ["garbage", /a frame could not be read/]])("a stream with %s begins anew and says why", async (trick, why) => {
  const gateway = own(await some());
  const page = await live(gateway.url);
  await gateway.trick(trick);
  await untilText(page, ".banners", why);
  await untilText(page, ".connection", /^Live$/);
  await untilText(page, "h1", /of 300/);
});

test("fields and states of a newer version are passed over", async () => {
  const gateway = own(await some("--newer"));
  const page = await live(gateway.url);
  const heard = page.received();
  await until("more frames came", () => page.received() > heard + 3);
  await untilText(page, ".connection", /^Live$/);
  expect(await page.locator(".banners p").count()).toBe(0);
  await untilText(page, "h1", /of 300/);
  await page.goto(`${gateway.url}#/checks?q=shop0.`); // the state of this one has no name here
  await untilText(page, ".row .state", /unknown/);
});

test("a check that is taken out while its page is open is kept, and said to be no more", async () => {
  const gateway = own(await some());
  const page = await live(gateway.url, "#/checks");
  await page.locator(".row").first().click();
  const target = await untilText(page, "h1", /\w/);
  const id = (await page.evaluate(() => location.hash)).split("/").pop();
  await untilText(page, ".foot", /responses? kept/); // the API has answered
  await gateway.trick(`remove/${id}`);
  await untilText(page, "[role=alert]", /This check is no more/);
  expect(await page.locator("h1").innerText()).toBe(target);
  expect(await page.locator(".state .big").first().innerText()).toMatch(/up|down|flapping|unknown/);
});

test.each([["ahead of", 3 * HOUR_MS], ["behind", -3 * HOUR_MS]])("ages are right on a device whose clock is hours %s the gateway's", async (where, clockAheadMs) => {
  const gateway = own(await some("--calm"));
  const page = await live(gateway.url, "", { clockAheadMs });
  const here = Number(await page.evaluate(() => Date.now()));
  expect(Math.abs(here - clockAheadMs - Date.now())).toBeLessThan(HOUR_MS); // the page was deceived
  await untilText(page, ".banners", new RegExp(`clock is [23] h ${where}`));
  await page.goto(`${gateway.url}#/checks`);
  await page.locator(".row").first().click();
  await untilText(page, ".state", /went well (just now|\d+ s ago)/); // each check runs each second
  const [title] = await page.locator(".state time").nth(2).evaluateAll((times) => times.map((time) => time.title));
  const utc = Date.parse(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(title).slice(1).join("T") + "Z");
  expect(Math.abs(utc - Date.now())).toBeLessThan(HOUR_MS / 2);
});

test.each([["overview", "#/"], ["table", "#/checks"], ["check", ""]])("the layout of the %s stays where it is while data streams", async (_, hash) => {
  const gateway = own(await some("--calm"));
  const page = await live(gateway.url, hash || "#/checks");
  if (!hash) {
    await page.locator(".row").first().click();
    await untilText(page, ".foot", /responses? kept/);
    await until("the history is drawn", async () => (await page.locator(".bar-room, .chart-room").count()) === 0);
  }
  const [heard, shifted] = [page.received(), await page.shifted()];
  await until("frames came", () => page.received() >= heard + 8);
  expect((await page.shifted()) - shifted).toBeLessThan(0.001);
});

test.each([1280, 390])("what breaks moves nothing else on an overview of %s px", async (width) => {
  const gateway = own(await some("--calm"));
  const page = await live(gateway.url, "#/", { viewport: { width, height: 2000 } });
  await untilText(page, "[aria-labelledby=causes]", /Nothing is down or flapping/);
  await until("it was drawn", () => page.received() >= 3);
  const [heard, shifted] = [page.received(), await page.shifted()];
  await gateway.trick("fail");
  await untilText(page, "[aria-labelledby=causes]", width > 860 ? /certificate expired/ : /2 more, of 2 other causes/);
  await untilText(page, "[aria-labelledby=changes]", /6 broke/);
  await until("frames came", () => page.received() >= heard + 4);
  expect((await page.shifted()) - shifted).toBeLessThan(0.001);
});
