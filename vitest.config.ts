import { fileURLToPath } from "node:url"
import { defaultExclude, defineConfig } from "vitest/config"
import { gradientsForVite } from "./packages/core/build/gradients.ts"
import { kernelsForVite } from "./packages/wasm/build/plugins.ts"
import LongestFirst from "./scripts/longest-first.ts"
import { SHARED } from "./scripts/shared-tests.ts"

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const ALL = [
  "{packages,apps}/*/{src,test,reference,testing}/**/*.test.ts",
  "scripts/**/*.test.ts",
  "examples/test/*.test.ts",
  "bench/**/*.test.mjs",
]

export default defineConfig({
  plugins: [gradientsForVite(), kernelsForVite()],
  // Tests read the sources of every package, so a stale build never hides a change.
  resolve: {
    alias: [
      {
        find: /^@lllite\/(format|core|tiny|wasm|webgpu|runtime-node|runtime-web|serve|ranks)$/,
        replacement: source("./packages/$1/src/index.ts"),
      },
      { find: /^@lllite\/core\/(reference|testing)$/, replacement: source("./packages/core/$1/index.ts") },
      { find: "@lllite/core/names", replacement: source("./packages/core/src/names.ts") },
      {
        find: /^@lllite\/(core|format|runtime-node)\/([a-z-]+)$/,
        replacement: source("./packages/$1/src/$2/index.ts"),
      },
    ],
  },
  test: {
    projects: [
      { extends: true, test: { name: "alone", include: ALL, exclude: [...defaultExclude, ...SHARED] } },
      { extends: true, test: { name: "shared", include: SHARED, isolate: false } },
    ],
    // Numeric work is slow in places and machines differ: lavapipe compiles the ops of a contract for minutes when it
    // has never seen them. A hung test is stopped by the CI's own limit.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    // Machines of CI are shared. The totals name every test that passes at its second try only.
    retry: process.env.CI === undefined ? 0 : 1,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: ["default", "./scripts/totals-reporter.ts"],
  },
})
