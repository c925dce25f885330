/** Built into the Python package, so that users need no Node. The same sources give the same bytes. */
import { defineConfig } from "vite";

const server = process.env.ALPHA_FACTORY_SERVER ?? "http://127.0.0.1:7861";

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    outDir: "../src/alpha_factory/service/page/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy knows files alone
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
  server: {
    proxy: { "/api": { target: server, ws: true, changeOrigin: true } },
  },
});
