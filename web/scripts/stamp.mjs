/** Says in static/build.json from what the page is built, so that a test in Python proves it; and compresses what is sent. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const web = fileURLToPath(new URL("..", import.meta.url));
const out = join(web, "..", "src", "alpha_factory", "service", "page", "static");
const SOURCES = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "scripts/stamp.mjs", "src"];
const COMPRESSED = /\.(js|css|html|svg)$/;

function* walk(path) {
  if (!statSync(path).isDirectory()) yield path;
  else for (const name of readdirSync(path).sort()) yield* walk(join(path, name));
}

/** SHA-256 by path, sorted. */
function digest(root, paths) {
  const found = paths.flatMap((path) => [...walk(join(root, path))]);
  const names = found.map((path) => relative(root, path).split(sep).join("/")).sort();
  return Object.fromEntries(names.map((name) => [name, createHash("sha256").update(readFileSync(join(root, name))).digest("hex")]));
}

const files = digest(out, ["."]);
writeFileSync(join(out, "build.json"), `${JSON.stringify({ sources: digest(web, SOURCES), files }, null, 1)}\n`);
let sent = 0;
for (const name of Object.keys(files).filter((one) => COMPRESSED.test(one))) {
  const bytes = readFileSync(join(out, name));
  const packed = gzipSync(bytes, { level: 9 });
  writeFileSync(join(out, `${name}.gz`), packed);
  writeFileSync(join(out, `${name}.br`), brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  sent += packed.length;
}
console.log(`compressed in all: ${(sent / 1000).toFixed(1)} kB (gzip)`);
