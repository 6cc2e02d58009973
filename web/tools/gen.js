// The code for the frames, with its types, from proto/ by Debian's protoc, into src/gen/.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
mkdirSync(`${web}src/gen`, { recursive: true });
const done = spawnSync(
  "protoc",
  [
    `--plugin=protoc-gen-es=${web}node_modules/.bin/protoc-gen-es`,
    "--es_out=src/gen",
    "--es_opt=target=js+dts,import_extension=js",
    "--proto_path=../proto",
    "sonde/v1/stream.proto",
    "sonde/v1/scan_report.proto",
  ],
  { cwd: web, stdio: "inherit" },
);
if (done.error) console.error(`protoc: ${done.error.message}; Debian has it in protobuf-compiler`);
process.exit(done.status ?? 1);
