// The dashboard for whoever has no mouse, no screen, a small one, or comes back to an address.
import { expect, test } from "vitest";
import { until, untilText } from "./browser.js";
import { serious } from "./axe.js";
import { mock } from "./gateways.js";
import { session } from "./session.js";

const { live, own } = session();
const VIEWS = ["overview", "table", "check"];

async function show(page, view) {
  await page.evaluate((to) => (location.hash = to), view === "overview" ? "#/" : "#/checks?sort=state");
  if (view === "overview") return void (await untilText(page, "main", /What is broken/));
  await page.locator(".row").first().waitFor();
  if (view === "table") return;
  await page.locator(".row").first().click();
  await untilText(page, ".foot", /responses? kept/);
  await until("the history is drawn", async () => (await page.locator(".bar-room, .chart-room").count()) === 0);
}

const focused = (page) => page.evaluate(() => {
  const { tagName, className, id, textContent, href } = document.activeElement;
  return { tagName, className, id, text: textContent.trim().slice(0, 60), hash: href ? new URL(href).hash : "" };
});

test.each(["light", "dark"])("axe-core finds nothing serious, %s", async (colorScheme) => {
  const gateway = own(await mock("--checks", "300", "--trouble"));
  const page = await live(gateway.url, "", { colorScheme });
  const found = [];
  for (const view of VIEWS) {
    await show(page, view);
    found.push(...(await serious(page)).map((line) => `${view}: ${line}`));
  }
  expect(found).toEqual([]);
});

test("a check's page is reached from the overview by keys alone, and left again", async () => {
  const gateway = own(await mock("--checks", "300"));
  const page = await live(gateway.url);
  await untilText(page, "main", /What is broken/);

  await page.keyboard.press("Tab");
  expect((await focused(page)).className).toMatch(/\bskip\b/);
  const skip = await page.locator(".skip").boundingBox();
  expect(skip.y).toBeGreaterThanOrEqual(0); // it can be seen when it has the focus
  await page.keyboard.press("Enter");
  expect((await focused(page)).id).toBe("main");
  for (let tabs = 0; tabs < 60 && !/^#\/checks\/[0-9a-f]{16}$/.test((await focused(page)).hash); tabs++) await page.keyboard.press("Tab");
  const { hash } = await focused(page);
  expect(hash).toMatch(/^#\/checks\/[0-9a-f]{16}$/);
  await page.keyboard.press("Enter");
  await until("the page of the check is there", async () => (await page.evaluate(() => location.hash)) === hash);
  await untilText(page, ".top dt", /State/);
  expect((await focused(page)).id).toBe("main"); // reading goes on with the new page
  await page.goBack();
  await untilText(page, "main", /What is broken/);
});

test("search, table and rows by keys alone", async () => {
  const gateway = own(await mock("--checks", "300"));
  const page = await live(gateway.url);
  await untilText(page, "main", /What is broken/);
  await page.keyboard.press("/");
  expect((await focused(page)).tagName).toBe("INPUT");
  await page.keyboard.type("example.net:22");
  await until("the address has it", async () => /^#\/checks\?q=example/.test(await page.evaluate(() => location.hash)));
  expect((await focused(page)).tagName).toBe("INPUT"); // typing goes on
  const found = Number(await page.locator(".found strong").innerText());
  expect(found).toBeGreaterThan(2);
  expect(found).toBeLessThan(300);

  for (let tabs = 0; tabs < 30 && (await page.evaluate(() => document.activeElement.getAttribute("role"))) !== "grid"; tabs++) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const active = () => page.evaluate(() => {
    const row = document.getElementById(document.activeElement.getAttribute("aria-activedescendant"));
    return { at: Number(row.getAttribute("aria-rowindex")), selected: row.getAttribute("aria-selected"), hash: new URL(row.querySelector("a").href).hash };
  });
  expect(await active()).toMatchObject({ at: 4, selected: "true" }); // the head is the first row
  await page.keyboard.press("End");
  await until("the last row is active", async () => (await active()).at === found + 1);
  await page.keyboard.press("Home");
  await until("the first row is active", async () => (await active()).at === 2);
  const { hash } = await active();
  await page.keyboard.press("Enter");
  await until("its page is there", async () => (await page.evaluate(() => location.hash)) === hash);
});

test("Escape empties the search", async () => {
  const gateway = own(await mock("--checks", "50"));
  const page = await live(gateway.url);
  await page.keyboard.press("/");
  await page.keyboard.type("nothing has this");
  await untilText(page, "main", /No check fits/);
  await page.keyboard.press("Escape");
  await until("all are there again", async () => (await page.locator(".found strong").innerText()) === "50");
});

test.each(VIEWS)("at 360 pixels nothing of the %s is scrolled sideways", async (view) => {
  const gateway = own(await mock("--checks", "300", "--hostile", "--trouble"));
  const page = await live(gateway.url, "", { viewport: { width: 360, height: 740 } });
  await show(page, view);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  const who = await page.evaluate(() => [...document.querySelectorAll("main *, header *")].filter((node) => node.getBoundingClientRect().right > 361 && !node.closest(".one-line, .body, svg, pre")).slice(0, 5).map((node) => node.outerHTML.slice(0, 150)));
  expect(wide, who.join("\n")).toBeLessThanOrEqual(360);
});

test("a filter is in the address and outlives a reload", async () => {
  const gateway = own(await mock("--checks", "600", "--calm"));
  const page = await live(gateway.url, "#/checks");
  await page.locator(".states").getByRole("button", { name: /^up/ }).click();
  await page.getByLabel("Module", { exact: true }).selectOption("http_2xx");
  const id = (await page.locator(".row a").first().getAttribute("href")).split("/").pop();
  const { dc } = (await (await fetch(`${gateway.url}api/v1/checks/${id}`)).json()).labels;
  await page.getByLabel("Add a label, NAME=VALUE").fill(`dc=${dc}`);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Order by Last" }).click();
  const hash = await until("the address has all of it", async () => {
    const text = await page.evaluate(() => location.hash);
    return /state=up/.test(text) && /module=http_2xx/.test(text) && text.includes(`label=dc%3D${dc}`) && /sort=-duration/.test(text) && text;
  });
  const found = await page.locator(".found strong").innerText();
  expect(Number(found)).toBeGreaterThan(0);
  expect(Number(found)).toBeLessThan(600);

  await page.reload();
  await untilText(page, ".connection", /^Live/);
  expect(await page.evaluate(() => location.hash)).toBe(hash);
  await untilText(page, ".found strong", new RegExp(`^${found}$`));
  expect(await page.locator(".states [aria-pressed=true]").allInnerTexts()).toEqual([expect.stringMatching(/up/)]);
  expect(await page.getByLabel("Module", { exact: true }).inputValue()).toBe("http_2xx");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await untilText(page, ".found strong", /^600$/);
});
