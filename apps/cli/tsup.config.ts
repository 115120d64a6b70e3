import { defineConfig } from "tsup"

export default defineConfig({
  // The second is a program, too: the process that draws the pictures of a server.
  entry: { main: "src/main.ts", "lllite-drawing": "src/serve/worker/worker.ts" },
  format: ["esm"],
  sourcemap: true,
  clean: true,
})
