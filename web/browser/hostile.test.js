// Text from outside (targets, labels, certificates, errors, logs) is text, whatever is in it.
import { expect, test } from "vitest";
import { until, untilText } from "./browser.js";
import { mock } from "./gateways.js";
import { session } from "./session.js";

const { live, own } = session();

/** Elements that no view makes: what of them there is came from text. */
const foreign = (page) => page.evaluate(() => document.querySelectorAll("img, iframe, object, embed, b, body script, a[href^='javascript:']").length);

/** Characters in the page's text that cannot be seen: controls, and what turns the direction of text. */
const unseen = (page) => page.evaluate(() => (document.body.innerText.match(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f]/g) ?? []).length);

test("hostile text is shown as text on every view", async () => {
  const gateway = own(await mock("--checks", "300", "--rate", "100", "--hostile"));
  const page = await live(gateway.url);
  await untilText(page, "main", /What is broken/);
  const views = ["#/", "#/checks?sort=target", "#/checks?sort=why", "#/checks?q=%3Cimg"];
  for (const hash of views) {
    await page.evaluate((to) => (location.hash = to), hash);
    const heard = page.received();
    await until("it was drawn anew", () => page.received() > heard + 1);
    expect(await foreign(page), hash).toBe(0);
    expect(await unseen(page), hash).toBe(0);
  }
  await untilText(page, ".row .target", /<img src=x onerror=alert\(1\)>/);

  // A check with a hostile target, a certificate with hostile names and no date, and the log of its probe.
  await page.getByLabel("Module", { exact: true }).selectOption("tls_strict");
  await page.locator(".row").first().click();
  await untilText(page, "h1", /<img/);
  await untilText(page, "[aria-labelledby=certificates]", /No date of expiry.*CN=/s);
  expect(await page.locator("[aria-labelledby=certificates]").innerText()).not.toMatch(/NaN|Invalid|undefined/);
  await page.getByRole("button", { name: "Probe now" }).click();
  await untilText(page, "[aria-labelledby=probe] pre", /<b>not bold<\/b>/);
  expect(await foreign(page)).toBe(0);
  expect(await unseen(page)).toBe(0);
});

test("a hostile address is text too, and leads nowhere", async () => {
  const gateway = own(await mock("--checks", "20"));
  const attack = "<img src=x onerror=alert(1)>";
  const page = await live(gateway.url, `#/checks?${new URLSearchParams({ q: attack, module: attack, why: attack, label: `a=${attack}`, sort: attack })}`);
  await untilText(page, "main", /No check fits these filters/);
  expect(await foreign(page)).toBe(0);
  for (const hash of ["#/checks?label=a%3Db&label=a%3Db", "#/checks/0000000000000000", "#/checks/../../x", "#//127.0.0.1/x", `#${attack}`]) {
    await page.evaluate((to) => (location.hash = to), hash);
    const heard = page.received();
    await until("it was drawn anew", () => page.received() > heard);
    expect(await foreign(page), hash).toBe(0);
    expect(await page.evaluate(() => location.pathname)).toBe("/");
  }
});

test("a text of 20,000 characters widens nothing", async () => {
  const gateway = own(await mock("--checks", "300", "--hostile"));
  const page = await live(gateway.url, "#/checks?q=aaaaaaaaaa&sort=target");
  for (const view of ["table", "check"]) {
    if (view === "check") await page.locator(".row").first().click();
    await untilText(page, view === "check" ? "h1" : ".row .target", /a{50}/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBeLessThanOrEqual(1280);
  }
});
