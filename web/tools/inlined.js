// A Vite plugin: the built page holds its script and its style itself, so that one file is all there is; its
// Content-Security-Policy allows these two by their hashes, and nothing else.
import { createHash } from "node:crypto";

const hash = (body) => `'sha256-${createHash("sha256").update(body).digest("base64")}'`;

/** Only what stands in the page runs and styles it; nothing is loaded from anywhere, and nothing sent. */
const policy = (scripts, styles) =>
  `default-src 'none'; script-src ${scripts.map(hash).join(" ")}; style-src ${styles.map(hash).join(" ")}; img-src data:; base-uri 'none'; form-action 'none'`;

/** Text that may stand within <script> or <style>: nothing in it ends the element. */
const contained = (text) => text.replace(/<(?=\/(?:script|style)|!--)/gi, "\\x3c");

export function inlined() {
  return {
    name: "inlined",
    enforce: "post",
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const page = files.find((file) => file.fileName.endsWith(".html"));
      const scripts = [];
      const styles = [];
      for (const file of files) {
        if (file === page) continue;
        const script = file.type === "chunk";
        const name = file.fileName.replaceAll(".", "\\.");
        const tag = script ? new RegExp(`<script[^>]* src="\\./${name}"[^>]*></script>`) : new RegExp(`<link[^>]* href="\\./${name}"[^>]*>`);
        if (!tag.test(page.source)) this.error(`${file.fileName} is not named in ${page.fileName}: it cannot be put into it`);
        const body = contained(script ? file.code : file.source.toString()).trimEnd();
        (script ? scripts : styles).push(body);
        // A function: `$&` in the text is text. The script goes to the end: it is no longer deferred.
        page.source = script
          ? page.source.replace(tag, "").replace("</body>", () => `<script type="module">${body}</script>\n</body>`)
          : page.source.replace(tag, () => `<style>${body}</style>`);
        delete bundle[file.fileName];
      }
      page.source = page.source.replace("<head>", () => `<head>\n    <meta http-equiv="Content-Security-Policy" content="${policy(scripts, styles)}" />`);
    },
  };
}
