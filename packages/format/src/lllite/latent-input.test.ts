import { describe, expect, it } from "vitest"
import { SMALL_DIMS, smallLllite, smallSites } from "../../test/lllite-file.ts"
import { compareLllites } from "../edit/compare.ts"
import { convertSafetensors } from "../edit/convert.ts"
import { missingMetadata } from "../edit/edit-metadata.ts"
import { mergeLllites } from "../edit/merge.ts"
import { sdScriptsProblem } from "../edit/reference-readers.ts"
import { resizeLllite } from "../edit/resize.ts"
import { measureSite } from "../health/site-health.ts"
import { serializeLllite } from "../write/lllite.ts"
import { readLllite } from "./read.ts"
import type { AdapterDims } from "./tensors.ts"
import { siteTensorShapes } from "./tensors.ts"

type SmallSite = ReturnType<typeof smallSites>[number] & AdapterDims

function values(site: SmallSite, name: string): Float32Array {
  const shape = [...siteTensorShapes(site, site)].find(([one]) => one === name)?.[1] ?? []
  return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => Math.sin(i))
}

const sitesWith = (form: Partial<AdapterDims>): readonly SmallSite[] =>
  smallSites().map((site) => ({ ...site, ...form }))
const file = (form: Partial<AdapterDims> = {}): Promise<Uint8Array<ArrayBuffer>> =>
  serializeLllite({ sites: sitesWith({ condInput: "latent", ...form }), values, dtype: "F32" })

describe("an LLLite that reads latents of its control", () => {
  it.each([
    [1, [3, 1]],
    [2, [3, 2]],
    [3, [3, 2, 2]],
  ] as const)("has kernels for the grid of depth %i", (depth, sides) => {
    const [site] = smallSites()
    const shapes = siteTensorShapes({ ...(site as SmallSite), depth }, { ...SMALL_DIMS, condInput: "latent" })
    const convolutions = [...shapes].filter(([name]) => /^conditioning1.*weight$/.test(name)).map(([, shape]) => shape)
    expect(convolutions.map((shape) => shape.slice(2))).toEqual(sides.map((side) => [side, side]))
    expect(convolutions[0]?.slice(0, 2)).toEqual([SMALL_DIMS.condDim / 2, 4])
    expect(convolutions.at(-1)?.[0]).toBe(SMALL_DIMS.condDim)
  })

  it.each([{}, { sharedTrunk: true }])("is known by its first convolution (%j)", async (form) => {
    const opened = await readLllite(await file(form))
    expect(opened.sites).toEqual(sitesWith({ condInput: "latent", ...form }))
    expect(opened.dims).toEqual({ ...SMALL_DIMS, ...form, condInput: "latent" })
    expect(opened.parameterCount).toBe((opened.safetensors.size - opened.safetensors.dataStart) / 4)
    expect(missingMetadata(opened, "mine").get("lllite.cond_input_space")).toBe("latent")
    expect(missingMetadata(await readLllite(await smallLllite()), "mine").has("lllite.cond_input_space")).toBe(false)
  })

  it("may stand beside sites that read pixels", async () => {
    const mixed = smallSites().map((site, i): SmallSite => (i === 0 ? site : { ...site, condInput: "latent" }))
    const opened = await readLllite(await serializeLllite({ sites: mixed, values, dtype: "F32" }))
    expect(opened.sites).toEqual(mixed)
    expect(opened.dims).toBeNull()
  })

  it("has no hole", () => {
    const [site] = sitesWith({ condInput: "latent", condChannels: 4 })
    expect(() => siteTensorShapes(site as SmallSite, site as SmallSite)).toThrow(/a hole has no latents/)
  })

  it("is refused by name where it cannot be what is asked", async () => {
    const opened = await readLllite(await file())
    await expect(convertSafetensors(await file(), { plain: true })).rejects.toThrow(/latents of its control, which the/)
    await expect(resizeLllite(opened, { dims: { mlpDim: 2 } })).rejects.toThrow(
      /reads the latents of its control, and is not resized/,
    )
    const plain = await readLllite(await smallLllite())
    expect(() => mergeLllites([plain, opened].map((one) => ({ file: one, weight: 0.5 })))).toThrow(
      /it reads latents of its control, and the other its pixels/,
    )
    expect(sdScriptsProblem(opened)).toMatch(/latents of its control, which no other program gives it/)
  })

  it("gets another dtype, is merged with its like, measured and compared", async () => {
    const opened = await readLllite(await file())
    expect((await convertSafetensors(await file(), { dtype: "F16" })).converted).toBe(opened.safetensors.tensors.size)
    expect(mergeLllites([opened, opened].map((one) => ({ file: one, weight: 0.5 }))).tensors.size).toBeGreaterThan(0)
    for (const site of opened.sites.slice(0, 3)) {
      expect((await measureSite(opened, site)).controlStrength).toBeGreaterThan(0)
    }
    const same = await compareLllites(opened, opened, { deltas: true })
    expect(same.sites[0]).toMatchObject({ parameters: { relative: 0 }, delta: null })
    const pixels = await readLllite(await smallLllite())
    expect((await compareLllites(opened, pixels, { deltas: true })).sites[0]).toMatchObject({
      parameters: null,
      delta: null,
    })
  })
})
