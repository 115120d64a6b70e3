import { defineConfig } from "tsup"

export default defineConfig({
  entry: {
    index: "src/index.ts",
    edit: "src/edit/index.ts",
    health: "src/health/index.ts",
    identify: "src/identify/index.ts",
    modelspec: "src/modelspec/index.ts",
    remote: "src/remote/index.ts",
    selections: "src/selections/index.ts",
    sharded: "src/sharded/index.ts",
    write: "src/write/index.ts",
  },
  // One FormatError for all entries, also when they are required.
  splitting: true,
  format: ["esm", "cjs"],
  dts: true,
  sourcemap: true,
  clean: true,
})
