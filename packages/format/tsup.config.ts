import { defineConfig } from "tsup"

export default defineConfig({
  entry: {
    index: "src/index.ts",
    edit: "src/edit/index.ts",
    health: "src/health/index.ts",
    remote: "src/remote/index.ts",
  },
  // One FormatError for all entries, also when they are required.
  splitting: true,
  format: ["esm", "cjs"],
  dts: true,
  sourcemap: true,
  clean: true,
})
