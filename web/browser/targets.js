// What is checked: servers on loopback that can be switched while they run.
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";

/**
 * An HTTP server; `mode` says what it does with whoever comes: a status to answer with, `reset`, `silent`, or `closed`:
 * its port refuses.
 */
export class Target {
  mode = 200;
  sockets = new Set();

  /** tls: { key, cert } */
  static async start(host, tls) {
    const target = new Target();
    target.host = host;
    const answer = (request, response) => {
      if (target.mode === "reset") request.socket.resetAndDestroy();
      else if (target.mode !== "silent") response.writeHead(target.mode, { "content-type": "text/plain", connection: "close" }).end("here\n");
    };
    target.server = tls ? createHttpsServer(tls, answer) : createHttpServer(answer);
    target.server.on("connection", (socket) => {
      target.sockets.add(socket);
      socket.on("close", () => target.sockets.delete(socket));
      socket.on("error", () => {});
    });
    await target.listen(0);
    target.port = target.server.address().port;
    target.url = `${tls ? "https" : "http"}://${host}:${target.port}/health`;
    return target;
  }

  async listen(port) {
    this.server.listen(port, this.host);
    await once(this.server, "listening");
  }

  /** Resolves when it is so. */
  async become(mode) {
    const closed = this.mode === "closed";
    this.mode = mode;
    if (mode === "closed" && !closed) await this.end();
    if (mode !== "closed" && closed) await this.listen(this.port);
  }

  async end() {
    if (!this.server.listening) return;
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, "close");
  }
}
