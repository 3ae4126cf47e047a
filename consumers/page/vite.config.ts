import { defineConfig } from "vite";

// RUNFOLD_API names the API that `make page-dev` hands requests to; built files are served by the API itself.
const api = process.env["RUNFOLD_API"] ?? "http://127.0.0.1:8400";

export default defineConfig({
  build: {
    outDir: "node_modules/.page", // build.py puts it where the API serves it, as a whole
    emptyOutDir: true,
    manifest: "views.json", // which files a view needs: page_files.py names them in a header, so none waits for another
    target: "es2022",
    assetsInlineLimit: 0, // data: addresses are not 'self'
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": { target: api, changeOrigin: false } } },
});
