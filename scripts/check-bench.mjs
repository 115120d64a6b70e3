#!/usr/bin/env node
// Fails if a benchmark or a script imports a name that a package does not export. No compiler checks them, since they are
// plain JavaScript. A card's check may not run for months. Needs a build.
import { execFileSync } from "node:child_process"
import { build } from "esbuild"

const entryPoints = execFileSync("git", ["ls-files", "bench/**/*.mjs", "packages/*/bench/*.mjs", "scripts/*.mjs"], {
  encoding: "utf8",
})
  .trim()
  .split("\n")
  .filter((path) => !path.endsWith(".test.mjs"))

try {
  await build({
    ...{
      entryPoints,
      bundle: true,
      write: false,
      outdir: "nowhere",
      platform: "node",
      format: "esm",
      logLevel: "error",
    },
    // What is not ours stays as it is.
    plugins: [
      {
        name: "ours alone",
        setup: ({ onResolve }) => onResolve({ filter: /^[^./]/ }, ({ path, kind }) => outside(path, kind)),
      },
    ],
  })
} catch {
  // esbuild has said what and where.
  process.exitCode = 1
}

function outside(path, kind) {
  return kind === "entry-point" || path.startsWith("@lllite/") ? undefined : { external: true }
}
