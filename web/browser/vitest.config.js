import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname ?? new URL(".", import.meta.url).pathname,
    include: ["*.test.js"],
    cache: false,
    fileParallelism: false, // a browser wants the machine for itself
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
