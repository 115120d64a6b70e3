#!/usr/bin/env node
// What @lllite/format adds to a page: each entry bundled, minified and gzipped, held against its limit. Run after a
// build. Exits 1 when an entry has outgrown it.
import { resolve } from "node:path"
import { gzipSync } from "node:zlib"
import { build } from "vite"

/** Bytes, gzipped. */
const LIMITS = { index: 12_000, remote: 12_000, health: 12_000 }

const dist = resolve(new URL("../packages/format/dist", import.meta.url).pathname)
for (const [entry, limit] of Object.entries(LIMITS)) {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: {
      rollupOptions: { input: `${dist}/${entry}.js`, preserveEntrySignatures: "strict" },
      modulePreload: false,
      minify: true,
      target: "es2022",
      write: false,
    },
  })
  const bytes = [result]
    .flat()
    .flatMap(({ output }) => output)
    .reduce((sum, { code = "" }) => sum + gzipSync(code, { level: 9 }).length, 0)
  console.log(`@lllite/format ${entry.padEnd(7)} ${bytes} bytes gzipped, at most ${limit}`)
  if (bytes > limit) process.exitCode = 1
}
