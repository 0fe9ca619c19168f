// Builds the pages into the folder that the binary embeds: one script, one sheet, one worker, under fixed names and relative
// addresses, so that any folder of any web server can hold them.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../crates/gradus-lab/bundle",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { lab: "index.html", worker: "src/worker.ts" },
      output: { entryFileNames: "[name].js", chunkFileNames: "[name].js", assetFileNames: "lab[extname]" },
    },
  },
});
