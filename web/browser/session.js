// A browser for the tests of one file. Whatever a test looks at: no page had an error, asked elsewhere for anything, or did
// what the gateway's Content-Security-Policy refuses.
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { launch, untilText, visit } from "./browser.js";

export function session() {
  let browser;
  const pages = [];
  const left = []; // what a test ends when it is over
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    const trouble = [];
    for (const page of pages.splice(0)) {
      trouble.push(...(await page.trouble()));
      await page.context().close();
    }
    for (const what of left.splice(0)) await what.end();
    expect(trouble.join("\n")).toBe("");
  });
  async function look(url, options = {}) {
    const page = await visit(browser, url, options);
    pages.push(page);
    return page;
  }
  return {
    /** Ends with the test. */
    own: (what) => (left.push(what), what),
    /** A page, whatever it shows. */
    look,
    /** A page of the dashboard that is live. */
    async live(url, hash = "", options = {}) {
      const page = await look(url + hash, options);
      await untilText(page, ".connection", /^Live/);
      return page;
    },
  };
}
