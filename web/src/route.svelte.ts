// Where in the dashboard the viewer is: #/, #/checks?FILTER, #/checks/ID.
export type Route = { page: "overview" } | { page: "checks"; query: string } | { page: "check"; id: string };

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const [, id] = /^\/checks\/([0-9a-f]{16})$/.exec(path) ?? [];
  if (id) return { page: "check", id };
  return path === "/checks" ? { page: "checks", query } : { page: "overview" };
}

class Place {
  route = $state.raw<Route>({ page: "overview" });

  start(): void {
    const read = () => (this.route = parseRoute(location.hash));
    addEventListener("hashchange", read);
    read();
  }

  /** Goes on with another address without a step in the history: for filters as they are typed. */
  replace(hash: string): void {
    if (hash === location.hash) return;
    history.replaceState(null, "", hash);
    this.route = parseRoute(hash);
  }
}

export const place = new Place();
