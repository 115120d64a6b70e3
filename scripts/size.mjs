#!/usr/bin/env node
// Sizes of @lllite/format in a page: each entry bundled alone, minified and gzipped, and all of them together. Run after
// a build. Exits 1 if an entry is larger than its limit, or if the README has another size.
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "vite"

/** Bytes, gzipped. `index` includes the table of the U-Net's layers. `edit` includes the numerics of resizing, and the reader. */
const LIMITS = {
  index: 15_500,
  identify: 9_500,
  write: 4_250,
  modelspec: 4_000,
  selections: 4_750,
  health: 4_000,
  remote: 5_000,
  sharded: 12_000,
  edit: 26_000,
}

/** How many bytes the entries come to, each bundle gzipped on its own. */
async function gzippedBytes(entries) {
  const dist = fileURLToPath(new URL("../packages/format/dist/", import.meta.url))
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    build: {
      rollupOptions: { input: entries.map((entry) => `${dist}${entry}.js`), preserveEntrySignatures: "strict" },
      modulePreload: false,
      minify: true,
      target: "es2022",
      write: false,
    },
  })
  return output.reduce((sum, { code = "" }) => sum + gzipSync(code, { level: 9 }).length, 0)
}

const readme = readFileSync(new URL("../packages/format/README.md", import.meta.url), "utf8")

/** Checks a size of the README, in kB with one digit. Another version of the bundler may differ by a little. */
function checkReadme(name, pattern, bytes) {
  const written = Number(pattern.exec(readme)?.[1])
  if (Math.abs(1000 * written - bytes) <= 150) return
  console.error(`packages/format/README.md: ${name} is ${written} kB, expected ${(bytes / 1000).toFixed(1)} kB`)
  process.exitCode = 1
}

for (const [entry, limit] of Object.entries(LIMITS)) {
  const bytes = await gzippedBytes([entry])
  console.log(`@lllite/format ${entry.padEnd(10)} ${String(bytes).padStart(6)} bytes gzipped, at most ${limit}`)
  if (bytes > limit) process.exitCode = 1
  const path = entry === "index" ? "" : `/${entry}`
  checkReadme(
    `@lllite/format${path}`,
    new RegExp(`^\\| \`@lllite/format${path}\` .*\\| ([\\d.]+) kB +\\|$`, "m"),
    bytes,
  )
}
const whole = await gzippedBytes(Object.keys(LIMITS))
console.log(`@lllite/format ${"together".padEnd(10)} ${String(whole).padStart(6)} bytes gzipped`)
checkReadme("together", /Together they take ([\d.]+) kB/, whole)
