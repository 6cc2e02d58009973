// Gateways to look at: web/mock, a real `sonde watch`, and a proxy before one that cuts and stalls.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync, openSync, closeSync, readFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "./browser.js";

const MOCK = fileURLToPath(new URL("../mock/gateway.js", import.meta.url));

/** Ends a process that the tests started. */
export async function ended(process, signal = "SIGTERM") {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const gone = once(process, "exit");
  process.kill(signal);
  const late = setTimeout(() => process.kill("SIGKILL"), 30_000);
  await gone;
  clearTimeout(late);
}

/** web/mock on a port of its own; `trick` asks it to misbehave. */
export async function mock(...words) {
  const child = spawn(process.execPath, [MOCK, "--port", "0", ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(child.stdout), "line");
  const url = /^http\S+/.exec(line)[0];
  return {
    url, port: Number(new URL(url).port),
    trick: (name) => fetch(`${url}mock/${name}`, { method: "POST" }),
    end: () => ended(child),
  };
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** A running `sonde watch`, its configuration and history in a folder that goes with it. */
export class Watch {
  static async start(configuration, { user } = {}) {
    const watch = new Watch();
    watch.folder = mkdtempSync(join(tmpdir(), "sonde-browser-"));
    watch.file = join(watch.folder, "gateway.yaml");
    watch.port = await freePort();
    watch.url = `http://127.0.0.1:${watch.port}/`;
    watch.fields = user ? { authorization: `Basic ${Buffer.from(user).toString("base64")}` } : {};
    watch.write(configuration);
    await watch.begin();
    return watch;
  }

  async begin() {
    const log = openSync(join(this.folder, "log"), "a");
    this.process = spawn(process.env.SONDE_BIN, ["watch", "--config", this.file, "--listen", `127.0.0.1:${this.port}`], { stdio: ["ignore", log, log] });
    closeSync(log);
    await until("sonde watch is ready", async () => {
      if (this.process.exitCode !== null) throw new Error(this.log());
      return (await this.ask("-/ready")).ok;
    });
  }

  log = () => readFileSync(join(this.folder, "log"), "utf8").slice(-2000);

  ask = (path, options = {}) => fetch(this.url + path, { headers: this.fields, ...options });

  json = async (path) => (await this.ask(path)).json();

  checks = async () => (await this.json("api/v1/checks?limit=1000")).checks;

  /** The check of a target; by its name too, where several have the target. */
  check = async (target, name) => (await this.checks()).find((check) => check.target === target && (!name || check.name === name));

  write(configuration) {
    writeFileSync(`${this.file}.new`, JSON.stringify({ storage: { path: "history.db" }, ...configuration }, undefined, 1));
    renameSync(`${this.file}.new`, this.file);
  }

  async reload(configuration) {
    this.write(configuration);
    const answer = await this.ask("-/reload", { method: "POST" });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** It starts itself again: from then on another process serves, which is nobody's child. */
  async restart() {
    this.process.kill("SIGUSR2");
    const over = () => /msg="restart: the successor has taken over" pid=(\d+)/.exec(this.log());
    await until("the successor has taken over", () => over() !== null);
    this.successor = Number(over()[1]);
  }

  async stop() {
    await ended(this.process);
    if (this.successor === undefined) return;
    process.kill(this.successor);
    await until("the successor ended", () => !existsSync(`/proc/${this.successor}`) || / Z /.test(readFileSync(`/proc/${this.successor}/stat`, "utf8")));
    this.successor = undefined;
  }

  async end() {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** A new self-signed certificate and its key, as PEM, with this common name. */
export function certificate(folder, commonName) {
  const [key, cert, config] = ["key.pem", "cert.pem", "req.cnf"].map((name) => join(folder, name));
  writeFileSync(config, `[req]\ndistinguished_name=dn\nprompt=no\nutf8=yes\nstring_mask=utf8only\n[dn]\nCN="${commonName.replaceAll('"', '\\"')}"\nO=Example\n`);
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-utf8", "-config", config, "-keyout", key, "-out", cert, "-days", "30"], { stdio: "pipe" });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** Stands before a port: can cut what goes through it, hold it up (`stalled`), refuse what comes (`refusing`). */
export class Proxy {
  stalled = false;
  refusing = false;
  pairs = new Set();

  static async before(port) {
    const proxy = new Proxy();
    proxy.server = createServer((client) => proxy.accept(client, port)).listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}/`;
    return proxy;
  }

  accept(client, port) {
    if (this.refusing) return client.resetAndDestroy();
    const gateway = connect(port, "127.0.0.1");
    const pair = [client, gateway];
    this.pairs.add(pair);
    for (const [from, to] of [pair, [gateway, client]]) {
      from.on("error", () => {});
      from.on("close", () => (to.destroy(), this.pairs.delete(pair)));
      from.on("data", (bytes) => to.write(bytes));
      if (this.stalled) from.pause();
    }
  }

  cut() {
    for (const pair of this.pairs) pair[0].resetAndDestroy();
  }

  stall(stalled) {
    this.stalled = stalled;
    for (const pair of this.pairs) for (const socket of pair) stalled ? socket.pause() : socket.resume();
  }

  end() {
    this.cut();
    this.server.close();
  }
}
