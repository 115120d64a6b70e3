// Reads, writes and refuses by the built package, imported and required, in the Node that runs this. Started by
// scripts/node-versions.mjs. Imports the package by its own name, as its users do.
import assert from "node:assert/strict"
import { createRequire } from "node:module"

const NAMES = ["", "/identify", "/write", "/modelspec", "/selections", "/health", "/remote", "/sharded", "/edit"]
const require = createRequire(import.meta.url)

const imported = await Promise.all(NAMES.map((name) => import(`@lllite/format${name}`)))
const required = NAMES.map((name) => require(`@lllite/format${name}`))
for (const [i, name] of NAMES.entries()) {
  const both = [imported[i], required[i]].map((entry) => Object.keys(entry).filter((key) => key !== "default"))
  assert.deepEqual(both[0].sort(), both[1].sort(), `@lllite/format${name}`)
}
const bytes = [await check(Object.assign({}, ...imported)), await check(Object.assign({}, ...required))]
assert.deepEqual(bytes[0], bytes[1])
if (process.argv[2] !== undefined) await (await import("node:fs/promises")).writeFile(process.argv[2], bytes[0])

/** Writes an LLLite, reads it back, converts it, and has broken files refused. Gives the file. */
async function check(format) {
  const layout = { modelChannels: 8, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 }
  const sites = format.enumerateSites(layout).map((site) => ({ ...site, condDim: 4, mlpDim: 6 }))
  const written = await format.serializeLllite({
    sites,
    dtype: "F32",
    metadata: format.buildLlliteMetadata({ title: "κόσμος", date: "2026-01-02T03:04:05" }),
    values: (site, name) => {
      const shape = format.siteTensorShapes(site, site).get(name)
      return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => (i % 7) / 64)
    },
  })
  const file = await format.readLllite(new Blob([written]))
  assert.equal(file.sites.length, 20)
  assert.deepEqual(file.dims, { condDim: 4, mlpDim: 6 })
  assert.equal(format.parseLlliteMetadata(file.metadata).title, "κόσμος")
  assert.equal(format.identify(file.safetensors).kind, "lllite")
  assert.equal(format.findSelection(file.sites, file.layout), format.DEFAULT_SELECTION)
  assert.ok((await format.checkLllite(file)).sites.length === 20)

  const chunks = []
  const { tensors, metadata } = await format.convertSafetensors(written, { dtype: "F16" })
  for await (const chunk of format.safetensorsChunks(tensors, metadata)) chunks.push(chunk)
  const half = await format.readLllite(new Blob(chunks))
  assert.deepEqual(half.dtypes, ["F16"])
  const [site] = half.sites
  assert.deepEqual(await half.tensor(site, "up.0.weight"), await file.tensor(site, "up.0.weight"))

  for (const [broken, code] of [
    [written.subarray(0, written.length - 1), "data-truncated"],
    [new TextEncoder().encode("PK\u0003\u0004 and more"), "pickle"],
    [format.serializeSafetensors(new Map()), "wrong-kind"],
  ]) {
    const error = await format.readLllite(broken).catch((caught) => caught)
    assert.ok(error instanceof format.FormatError)
    assert.equal(error.code, code)
  }
  return written
}
