import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { edited, SMALL_DIMS, SMALL_LAYOUT, smallLllite, smallSites, zeros } from "../../test/lllite-file.ts"
import { identify } from "../identify/identify.ts"
import { llliteTensors, serializeLllite } from "../write/lllite.ts"
import { readLllite } from "./read.ts"
import { siteTensorKey, siteTensorShapes, splitTrunkKey } from "./tensors.ts"

const shared = smallSites().map((site) => ({ ...site, sharedTrunk: true }))
const depths = new Set(shared.map(({ depth }) => depth))
const [first] = shared as [(typeof shared)[number]]

/** Values that tell each tensor apart. */
function numbered(site: (typeof shared)[number], name: string): Float32Array {
  const shape = [...siteTensorShapes(site, site)].find(([one]) => one === name)?.[1] ?? []
  const start = site.depth * 1000 + name.length
  return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => start + (i % 7))
}

const file = (): Promise<Uint8Array<ArrayBuffer>> => serializeLllite({ sites: shared, values: numbered, dtype: "F32" })

describe("an LLLite with a shared trunk", () => {
  it("has the conditioner of each depth once, under the depth's name", async () => {
    const { safetensors, parameterCount } = await readLllite(await file())
    const plain = await readLllite(await smallLllite())
    const conditioners = [...safetensors.tensors.keys()].filter((name) => name.includes("conditioning1"))
    expect(conditioners).toHaveLength(4 + 6)
    expect(conditioners).toContain("lllite_conditioning1.depth2.0.weight")
    expect(conditioners).toContain("lllite_conditioning1.depth3.4.bias")
    expect(depths).toEqual(new Set([2, 3]))
    expect(parameterCount).toBe((safetensors.size - safetensors.dataStart) / 4)
    expect(parameterCount).toBeLessThan(plain.parameterCount)
    expect(identify(safetensors)).toMatchObject({ kind: "lllite", base: "sdxl" })
  })

  it("is read as an LLLite whose sites say that they share it", async () => {
    const opened = await readLllite(await file())
    expect(opened.sites).toEqual(shared)
    expect(opened.dims).toEqual({ ...SMALL_DIMS, sharedTrunk: true })
    expect(opened.layout).toEqual(SMALL_LAYOUT)
    expect(opened.extraTensorCount).toBe(0)
    for (const site of opened.sites) {
      for (const name of siteTensorShapes(site, site).keys()) {
        expect(await opened.tensor(site, name)).toEqual(numbered({ ...site, sharedTrunk: true }, name))
      }
    }
  })

  it("may have sites with their own conditioner, which is then theirs", async () => {
    const mixed = shared.map(({ sharedTrunk, ...site }, i) => (i === 1 ? site : { ...site, sharedTrunk }))
    const opened = await readLllite(await serializeLllite({ sites: mixed, values: numbered as never, dtype: "F32" }))
    expect(opened.sites).toEqual(mixed)
    expect(opened.dims).toBeNull()
  })

  it("names a trunk that no site has as tensors that are not read", async () => {
    const opened = await readLllite(
      await edited(await smallLllite(), (tensors) => {
        tensors.set("lllite_conditioning1.depth2.0.bias", zeros(2))
      }),
    )
    expect(opened.extraTensors).toEqual(["lllite_conditioning1.depth2.0.bias"])
    expect(opened.dims).toEqual(SMALL_DIMS)
  })

  it.each([
    ["lllite_conditioning1.depth2.2.bias", null, "site-incomplete", /conditioning1\.depth2\.2\.bias/],
    ["lllite_conditioning1.depth3.0.weight", zeros(2, 5, 4, 4), "site-shape", /depth3\.0\.weight.*\[2, 3, 4, 4\]/s],
    ["lllite_conditioning1.depth2.2.weight", zeros(4, 2, 2, 2), "site-depth", /depth2\.2\.weight/],
  ])("is refused when %s is wrong, by the trunk's name", async (name, tensor, code, message) => {
    const bytes = await edited(await file(), (tensors) => {
      if (tensor === null) tensors.delete(name)
      else tensors.set(name, tensor)
    })
    const error = await readLllite(bytes).catch((error: unknown) => error)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it("is not written when sites of a depth have other widths", () => {
    const other = { ...first, key: "lllite_unet_other", condDim: 6 }
    const contents = { sites: [first, other], values: numbered, dtype: "F32" } as const
    expect(() => llliteTensors(contents)).toThrow(/lllite_unet_other has another shape than the trunk/)
    expect(() => llliteTensors({ ...contents, sites: [first, first] })).toThrow(/the site is given twice/)
  })

  it("has names that are taken apart again, and takes no others", () => {
    fc.assert(
      fc.property(fc.constantFrom(...shared), fc.boolean(), (site, sharedTrunk) => {
        for (const name of siteTensorShapes(site, site).keys()) {
          const key = siteTensorKey({ ...site, sharedTrunk }, name)
          const isTrunk = sharedTrunk && name.startsWith("conditioning1")
          expect(splitTrunkKey(key)).toEqual(isTrunk ? { depth: site.depth, name } : null)
        }
      }),
    )
    for (const name of ["depth4.0.weight", "depth2.down.0.weight", "depth2.1.weight", "conv1.weight", "depth2.0."]) {
      expect(splitTrunkKey(`lllite_conditioning1.${name}`)).toBeNull()
    }
  })
})
