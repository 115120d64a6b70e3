import { defineConfig } from "tsup"

export default defineConfig({
  entry: { index: "src/index.ts", files: "src/files/index.ts", worker: "src/workers/worker.ts" },
  format: ["esm", "cjs"],
  dts: { entry: { index: "src/index.ts", files: "src/files/index.ts" } },
  // `import.meta.url` in the CommonJS build: files beside this one are found by it.
  shims: true,
  sourcemap: true,
  clean: true,
})
