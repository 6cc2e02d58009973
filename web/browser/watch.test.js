// The dashboard of a real `sonde watch` over real targets, which break and recover while somebody looks.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until, untilText } from "./browser.js";
import { certificate, Proxy, Watch } from "./gateways.js";
import { session } from "./session.js";
import { Target } from "./targets.js";

const { live, own } = session();
const IMG = "<img src=x onerror=alert(1)>";
const HOSTILE = { name: "</script><script>alert(1)</script>", label: `${IMG}\u202egnp.exe`, long: "a".repeat(10_000), subject: `${IMG}</script>` };

// --- the world: five web servers and two of TLS ---------------------------------------------------------------------------

let folder;
let sites; // by name
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sonde-browser-"));
  sites = {
    shop: await Target.start("127.0.0.2"), search: await Target.start("127.0.0.3"), mail: await Target.start("127.0.0.4"),
    reports: await Target.start("127.0.0.5"), wiki: await Target.start("127.0.0.6"),
    pay: await Target.start("127.0.0.7", certificate(folder, "pay.example.net")), strange: await Target.start("127.0.0.8", certificate(folder, HOSTILE.subject)),
  };
});
afterAll(async () => {
  for (const site of Object.values(sites ?? {})) await site.end();
  rmSync(folder, { recursive: true, force: true });
});

const HTTP = { prober: "http", timeout: "900ms", http: { preferred_ip_protocol: "ip4" } };
const modules = {
  http_2xx: HTTP,
  https_self_signed: { ...HTTP, http: { ...HTTP.http, tls_config: { insecure_skip_verify: true } } },
  https_strict: HTTP,
  tcp_connect: { prober: "tcp", timeout: "900ms", tcp: { preferred_ip_protocol: "ip4" } },
};
const entry = (name, module, targets, options) => ({ name, module, interval: "1s", targets, labels: { team: "web" }, ...options });

function configuration() {
  const { shop, search, mail, reports, wiki, pay, strange } = sites;
  return {
    modules,
    checks: [
      entry("shop", "http_2xx", [shop.url, search.url]),
      entry("mail", "tcp_connect", [`127.0.0.4:${mail.port}`, `127.0.0.5:${reports.port}`]),
      entry("wiki", "http_2xx", [wiki.url], { fall: 2, flap: { window: 6, high: 0.5, low: 0.2 } }),
      entry("pay", "https_self_signed", [pay.url]),
      entry("pay-strict", "https_strict", [pay.url]),
      entry(HOSTILE.name, "https_self_signed", [strange.url], { labels: { note: HOSTILE.label, long: HOSTILE.long } }),
    ],
  };
}
const TOTAL = 8;

/** All that ran, and all well but the one that wants a certificate that it can verify. */
async function gateway(options = {}, change = (same) => same) {
  for (const site of Object.values(sites)) await site.become(200);
  const watch = own(await Watch.start(change(configuration()), options));
  await until("all checks have run", async () => {
    const states = (await watch.checks()).map(({ state }) => state);
    return states.length === TOTAL && states.filter((state) => state === "up").length === TOTAL - 1;
  });
  return watch;
}

const tile = (state) => `.tiles .state-${state} .figure`;

// --- tests ----------------------------------------------------------------------------------------------------------------

test("the overview counts as the API does", async () => {
  const watch = await gateway();
  const page = await live(watch.url);
  const { checks } = await watch.json("api/v1/status");
  for (const [state, n] of Object.entries(checks)) await untilText(page, tile(state), new RegExp(`^\\s*${n}\\s*$`));
  await untilText(page, "h1", /^1 check of 8 is down$/);
  await untilText(page, "[aria-labelledby=causes]", /pay|127\.0\.0\.7/);
});

test("what breaks appears with its cause, is told and listed, and goes when it is well again", async () => {
  const watch = await gateway();
  const page = await live(watch.url);
  const { shop } = sites;
  await untilText(page, tile("down"), /1/);
  await until("frames came", () => page.received() > 3);
  await shop.become(500);
  await untilText(page, tile("down"), /2/);
  await until("its cause is named", async () => /127\.0\.0\.2/.test(await page.locator("[aria-labelledby=causes]").innerText()));
  expect((await watch.check(shop.url)).state).toBe("down");
  await untilText(page, "[aria-labelledby=changes] li", /down/);
  await untilText(page, "[aria-live]", /1 went down/);

  await page.evaluate((id) => (location.hash = `#/checks/${id}`), (await watch.check(shop.url)).id);
  await untilText(page, ".state .big", /down/);
  for (const [mode, words] of [["closed", /refused/], ["silent", /time ?out/], ["reset", /reset/]]) {
    await shop.become(mode);
    await untilText(page, ".why", words);
  }
  await shop.become(200);
  await untilText(page, ".state .big", /up/);
  await page.evaluate(() => (location.hash = "#/"));
  await untilText(page, tile("down"), /^\s*1\s*$/);
  await untilText(page, "[aria-labelledby=changes] li", /up/);
});

test("a check that changes too often is flapping", async () => {
  const watch = await gateway();
  const page = await live(watch.url);
  let good = true;
  await until("it flaps", async () => {
    await sites.wiki.become((good = !good) ? 200 : 500);
    const ran = (await watch.check(sites.wiki.url)).last?.ts;
    await until("it ran again", async () => (await watch.check(sites.wiki.url)).last?.ts !== ran);
    return (await watch.check(sites.wiki.url)).state === "flapping";
  });
  await untilText(page, tile("flapping"), /1/);
  await untilText(page, "[aria-labelledby=causes]", /127\.0\.0\.6/);
});

test("a gateway that ends and comes back is said, and the page goes on without a reload", async () => {
  const watch = await gateway();
  const page = await live(watch.url);
  await untilText(page, "h1", /of 8/);
  const loadedAt = await page.loadedAt();
  await watch.stop();
  await untilText(page, ".banners", /Not live/);
  await untilText(page, ".connection", /Reconnecting in \d+ s, data \d+ s old/);
  await sites.search.become(500);
  await watch.begin();
  await untilText(page, ".connection", /^Live$/);
  await untilText(page, "[aria-labelledby=causes]", /127\.0\.0\.3/); // what broke meanwhile
  expect(await page.loadedAt()).toBe(loadedAt);
});

test("a gateway that is started again by SIGUSR2 gives fresh data without a reload", async () => {
  const watch = await gateway();
  const page = await live(watch.url);
  await untilText(page, "h1", /of 8/);
  const loadedAt = await page.loadedAt();
  const started = (await watch.json("api/v1/status")).started;
  await watch.restart();
  await until("another serves", async () => (await watch.json("api/v1/status")).started !== started);
  await untilText(page, ".connection", /^Live$/);
  await sites.search.become(500);
  await untilText(page, "[aria-labelledby=causes]", /127\.0\.0\.3/);
  expect(await page.loadedAt()).toBe(loadedAt);
});

test("a check that is taken out of the configuration is said to be no more, and kept", async () => {
  const watch = await gateway();
  const page = await live(watch.url, `#/checks/${(await watch.check(sites.search.url)).id}`);
  await untilText(page, ".foot", /responses? kept/);
  const less = configuration();
  less.checks[0].targets.pop();
  await watch.reload(less);
  await untilText(page, "[role=alert]", /This check is no more/);
  expect(await page.locator("h1").innerText()).toBe(sites.search.url);
});

test("a configuration that is refused is said", async () => {
  const watch = await gateway();
  const page = await live(watch.url);
  watch.write({ ...configuration(), nonsense: 1 });
  await watch.ask("-/reload", { method: "POST" });
  await untilText(page, ".banners", /The last configuration was refused.*nonsense/s);
});

test("hostile names, labels and certificates are text", async () => {
  const watch = await gateway();
  const page = await live(watch.url, "#/checks?sort=name");
  await untilText(page, ".row .name", /<\/script>/);
  await page.evaluate((id) => (location.hash = `#/checks/${id}`), (await watch.check(sites.strange.url)).id);
  await untilText(page, ".facts", /<img src=x onerror=alert\(1\)>‹U\+202E›gnp\.exe/);
  await untilText(page, "[aria-labelledby=certificates]", /CN=\\<img src=x onerror=alert\(1\)\\>\\<\/script\\>/); // escaped as RFC 4514 has it
  await page.getByRole("button", { name: "Probe now" }).click();
  await untilText(page, "[aria-labelledby=probe] pre", /probe_success 1/);
  expect(await page.evaluate(() => document.querySelectorAll("img, body script").length)).toBe(0);
});

test("a probe at once shows its log", async () => {
  const watch = await gateway();
  const page = await live(watch.url, `#/checks/${(await watch.check(sites.pay.url, "pay-strict")).id}`);
  await page.getByRole("button", { name: "Probe now" }).click();
  await untilText(page, "[aria-labelledby=probe] [role=status]", /It failed, after/);
  expect(await page.locator("[aria-labelledby=probe] pre").innerText()).toMatch(/level=.*self.signed/is);
});

test("with basic auth page, stream and API work for who has the password, and for nobody else", async () => {
  // The hash of "look".
  const watch = await gateway({ user: "viewer:look" }, (same) => ({ ...same, auth: { basic: { viewer: "$2y$04$ejFWfoU7e6azE1fSvLigzOsqsTuOEC1DdGFIRY2RP4UyxvLJ6uyHK" } } }));
  expect((await fetch(watch.url)).status).toBe(401);
  const page = await live(watch.url, "", { httpCredentials: { username: "viewer", password: "look" } });
  await untilText(page, "h1", /of 8/);
  await page.evaluate((id) => (location.hash = `#/checks/${id}`), (await watch.check(sites.shop.url)).id);
  await untilText(page, ".foot", /responses? kept/);
});

test("a stream that is cut comes back by itself", async () => {
  const watch = await gateway();
  const proxy = own(await Proxy.before(watch.port));
  const page = await live(proxy.url);
  await untilText(page, "h1", /of 8/);
  proxy.cut();
  await untilText(page, ".connection", /Reconnecting|Connecting/);
  await untilText(page, ".connection", /^Live$/);
});
