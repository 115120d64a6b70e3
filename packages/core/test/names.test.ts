import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const source = fileURLToPath(new URL("../src/", import.meta.url))

/** Every file and package that loading this file loads. Types load nothing. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const statements = readFileSync(file, "utf8").matchAll(/^(?:import|export)\s+(?!type\b)[^;"']*?from\s+"([^"]+)"/gms)
  for (const [, from = ""] of statements) {
    if (from.startsWith(".")) loadedWith(join(dirname(file), from), seen)
    else seen.add(from)
  }
  return seen
}

describe("the names", () => {
  it("load no TensorFlow.js", () => {
    const loaded = [...loadedWith(join(source, "names.ts"))]
    expect(loaded).toContain(join(source, "training/optimizers/adam.ts"))
    // The format has no dependency.
    expect(loaded.filter((from) => !from.startsWith(source) && from !== "@lllite/format")).toEqual([])
    expect([...loadedWith(join(source, "training/loss.ts"))]).toContain("@tensorflow/tfjs-core")
  })
})
