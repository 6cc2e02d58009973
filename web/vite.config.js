// Two builds into dist/: `--mode dashboard` makes index.html with app.js and app.css beside it, as the gateway's
// Content-Security-Policy wants them; `--mode report` makes report.html, one file with everything in it. Names are
// without hashes and nothing depends on the machine or the day, so that dist/ can be committed and rebuilt to the byte.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { inlined } from "./tools/inlined.js";

const gateway = process.env.SONDE_GATEWAY ?? "http://127.0.0.1:9115";

export default defineConfig(({ mode }) => {
  const report = mode === "report";
  return {
    base: "./", // the gateway may stand behind a prefix
    plugins: [svelte({ compilerOptions: { cssHash: ({ hash, css }) => `s${hash(css)}` } }), ...(report ? [inlined()] : [])],
    build: {
      outDir: process.env.SONDE_WEB_OUT ?? "dist",
      emptyOutDir: !report,
      target: "es2022",
      assetsInlineLimit: report ? Number.MAX_SAFE_INTEGER : 0,
      cssCodeSplit: !report,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rollupOptions: {
        input: report ? "report.html" : "index.html",
        output: {
          entryFileNames: "app.js",
          chunkFileNames: "[name].js",
          assetFileNames: ({ names }) => (names[0] === "index.css" ? "app.css" : "[name][extname]"),
          inlineDynamicImports: report,
        },
      },
    },
    server: {
      proxy: Object.fromEntries(["/api", "/probe", "/metrics"].map((path) => [path, { target: gateway, ws: true }])),
    },
    test: { include: ["src/**/*.test.ts", "tools/**/*.test.js"] },
  };
});
