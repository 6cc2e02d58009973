import { expect, test } from "vitest";
import { parseRoute } from "./route.svelte";

test("addresses lead to their pages, any other to the overview", () => {
  expect(parseRoute("")).toEqual({ page: "overview" });
  expect(parseRoute("#/checks")).toEqual({ page: "checks", query: "" });
  expect(parseRoute("#/checks?q=a?b&state=down")).toEqual({ page: "checks", query: "q=a?b&state=down" });
  expect(parseRoute("#/checks/0123456789abcdef")).toEqual({ page: "check", id: "0123456789abcdef" });
  for (const hash of ["#/checks/0123", "#/checks/0123456789ABCDEF", "#/__proto__", "#"]) expect(parseRoute(hash), hash).toEqual({ page: "overview" });
});
