import { defineConfig } from "tsup"

const entries = {
  index: "src/index.ts",
  files: "src/files/index.ts",
  machine: "src/machine/index.ts",
  options: "src/options/index.ts",
  "node-version": "src/node-version.ts",
}

export default defineConfig({
  // The last three are programs: two worker threads, and a process that tries a backend.
  entry: {
    ...entries,
    "lllite-worker": "src/workers/worker.ts",
    "lllite-preprocess": "src/preprocessing/preprocess.ts",
    "lllite-probe": "src/backends/probe.ts",
  },
  format: ["esm", "cjs"],
  dts: { entry: entries },
  // Defines `import.meta.url` in the CommonJS build. The code finds files beside it by that address.
  shims: true,
  sourcemap: true,
  clean: true,
})
