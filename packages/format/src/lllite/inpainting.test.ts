import { describe, expect, it } from "vitest"
import { edited, SMALL_DIMS, smallLllite, smallSites, zeros } from "../../test/lllite-file.ts"
import { convertSafetensors } from "../edit/convert.ts"
import { missingMetadata } from "../edit/edit-metadata.ts"
import { mergeLllites } from "../edit/merge.ts"
import { sdScriptsProblem } from "../edit/reference-readers.ts"
import { resizeLllite } from "../edit/resize.ts"
import { measureSite } from "../health/site-health.ts"
import { serializeLllite } from "../write/lllite.ts"
import { readLllite } from "./read.ts"
import { siteTensorShapes } from "./tensors.ts"

const sites = smallSites().map((site) => ({ ...site, condChannels: 4 as const }))

function values(site: (typeof sites)[number], name: string): Float32Array {
  const shape = [...siteTensorShapes(site, site)].find(([one]) => one === name)?.[1] ?? []
  return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => Math.sin(i))
}

const file = (): Promise<Uint8Array<ArrayBuffer>> => serializeLllite({ sites, values, dtype: "F32" })

describe("an LLLite that reads a hole beside the picture", () => {
  it("has four channels in the first convolution of each site, and is read with them", async () => {
    const opened = await readLllite(await file())
    expect(opened.sites).toEqual(sites)
    expect(opened.dims).toEqual({ ...SMALL_DIMS, condChannels: 4 })
    const [site] = opened.sites
    const key = `${site?.key}.conditioning1.0.weight`
    expect(opened.safetensors.tensors.get(key)?.shape).toEqual([SMALL_DIMS.condDim / 2, 4, 4, 4])
    expect(opened.parameterCount).toBe((opened.safetensors.size - opened.safetensors.dataStart) / 4)
    expect(missingMetadata(opened, "mine").get("lllite.cond_in_channels")).toBe("4")
  })

  it("may stand beside sites that read the picture alone", async () => {
    const mixed = sites.map(({ condChannels, ...site }, i) => (i === 0 ? site : { ...site, condChannels }))
    const opened = await readLllite(await serializeLllite({ sites: mixed, values: values as never, dtype: "F32" }))
    expect(opened.sites).toEqual(mixed)
    expect(opened.dims).toBeNull()
  })

  it("has three or four channels, and no others", async () => {
    const [site] = smallSites()
    const name = `${site?.key}.conditioning1.0.weight`
    const bytes = await edited(await smallLllite(), (tensors) => {
      tensors.set(name, zeros(SMALL_DIMS.condDim / 2, 5, 4, 4))
    })
    await expect(readLllite(bytes)).rejects.toMatchObject({ code: "site-shape" })
  })

  it("is refused by name where it cannot be what is asked", async () => {
    const opened = await readLllite(await file())
    await expect(convertSafetensors(await file(), { plain: true })).rejects.toThrow(
      /fourth channel, which a plain one cannot/,
    )
    await expect(resizeLllite(opened, { dims: { mlpDim: 2 } })).rejects.toThrow(
      /reads the hole of a picture, and is not resized/,
    )
    const plain = await readLllite(await smallLllite())
    expect(() => mergeLllites([plain, opened].map((one) => ({ file: one, weight: 0.5 })))).toThrow(/fourth channel/)
    expect(sdScriptsProblem(opened)).toMatch(/which no other program gives it/)
  })

  it("gets another dtype, is merged with its like, and is measured", async () => {
    const opened = await readLllite(await file())
    expect((await convertSafetensors(await file(), { dtype: "F16" })).converted).toBe(opened.safetensors.tensors.size)
    expect(mergeLllites([opened, opened].map((one) => ({ file: one, weight: 0.5 }))).tensors.size).toBeGreaterThan(0)
    for (const site of opened.sites.slice(0, 3)) {
      expect((await measureSite(opened, site)).strength).toBeGreaterThan(0)
    }
  })
})
