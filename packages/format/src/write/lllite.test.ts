import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { smallLllite, smallSites } from "../../test/lllite-file.ts"
import { describeWithReference, referenceBytes } from "../../test/reference.ts"
import type { LlliteFile } from "../lllite/read.ts"
import { readLllite } from "../lllite/read.ts"
import { siteTensorShapes } from "../lllite/tensors.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { toFloat32 } from "../safetensors/dtype.ts"
import { NAMED_SELECTIONS } from "../selections/named-selections.ts"
import { fromFloat32 } from "./encode.ts"
import { llliteChunks, serializeLllite } from "./lllite.ts"
import { serializeSafetensors } from "./safetensors.ts"

describe("serializeLllite", () => {
  it("is read back to the same sites and to values rounded as its dtype rounds", async () => {
    const selections = Object.values(NAMED_SELECTIONS)
    const anySelection = fc.constantFrom(...selections)
    const anyDims = fc.record({ condDim: fc.integer({ min: 2, max: 9 }), mlpDim: fc.integer({ min: 1, max: 9 }) })
    const anyDtype = fc.constantFrom<FloatDtype>("F64", "F32", "F16", "BF16")
    await fc.assert(
      fc.asyncProperty(anySelection, anyDims, anyDtype, async (selection, dims, dtype) => {
        const sites = smallSites(selection).map((site) => ({ ...site, ...dims }))
        const values = new Map<string, Float32Array>()
        for (const site of sites) {
          for (const [name, shape] of siteTensorShapes(site, site)) {
            const count = shape.reduce((product, size) => product * size, 1)
            values.set(
              site.key + name,
              Float32Array.from({ length: count }, (_, i) => Math.sin(values.size + i / 3)),
            )
          }
        }
        const valuesOf = (key: string, name: string): Float32Array => values.get(key + name) ?? new Float32Array(0)
        const bytes = await serializeLllite({ sites, values: (site, name) => valuesOf(site.key, name), dtype })
        const file = await readLllite(bytes)
        expect(file.sites).toEqual(sites)
        expect(file.dtypes).toEqual([dtype])
        for (const site of file.sites) {
          for (const name of siteTensorShapes(site, site).keys()) {
            const expected = toFloat32(fromFloat32(valuesOf(site.key, name), dtype), dtype)
            expect(await file.tensor(site, name)).toEqual(expected)
          }
        }
      }),
      { numRuns: 20 },
    )
  })

  it("equals its chunks", async () => {
    const file = await smallLllite()
    const read = await readLllite(file)
    const chunks: number[] = []
    for await (const chunk of llliteChunks({ sites: read.sites, values: read.tensor, dtype: "F32" }))
      chunks.push(...chunk)
    expect(Uint8Array.from(chunks)).toEqual(file)
  })

  it("accepts values that are still on their way", async () => {
    const read = await readLllite(await smallLllite())
    const [site] = read.sites
    if (site === undefined) throw new Error("no site")
    const half = await serializeLllite({ sites: [site], values: (at, name) => read.tensor(at, name), dtype: "F16" })
    expect((await readLllite(half)).dtypes).toEqual(["F16"])
  })

  it("refuses values of another length, by the tensor's name", async () => {
    await expect(smallLllite({ values: () => new Float32Array(5) })).rejects.toMatchObject({
      code: "write-input",
      tensor: expect.stringMatching(/^lllite_unet_/),
      message: expect.stringMatching(/but 5 were given/),
    })
  })

  it("refuses a site that is there twice", async () => {
    const [site] = smallSites()
    if (site === undefined) throw new Error("no site")
    for (const sharedTrunk of [undefined, true] as const) {
      const twice = { ...site, ...(sharedTrunk && { sharedTrunk }) }
      await expect(smallLllite({ sites: [twice, twice] })).rejects.toMatchObject({
        code: "write-input",
        tensor: expect.stringMatching(sharedTrunk ? /down\.0\.weight$/ : /conditioning1\.0\.weight$/),
        message: expect.stringMatching(/the site is given twice/),
      })
    }
  })

  it("writes a shared trunk once, with the values of its first site", async () => {
    const [a, b] = smallSites().filter(({ depth }) => depth === 2)
    if (a === undefined || b === undefined) throw new Error("no sites")
    const sites = [a, b].map((site) => ({ ...site, sharedTrunk: true }))
    const asked: string[] = []
    const file = await serializeLllite({
      sites,
      dtype: "F32",
      values: (site, name) => {
        asked.push(`${site.key === a.key ? "a" : "b"} ${name}`)
        const shape = siteTensorShapes(site, site).get(name) ?? []
        return new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(site.key === a.key ? 1 : 2)
      },
    })
    expect(asked.filter((each) => each.includes("conditioning1")).toSorted()).toEqual([
      "a conditioning1.0.bias",
      "a conditioning1.0.weight",
      "a conditioning1.2.bias",
      "a conditioning1.2.weight",
    ])
    expect(asked.filter((each) => each.startsWith("b"))).toHaveLength(6)
    const read = await readLllite(file)
    const [, second] = read.sites
    if (second === undefined) throw new Error("no site")
    expect(new Set(await read.tensor(second, "conditioning1.0.weight"))).toEqual(new Set([1]))
  })

  it("refuses sites of one trunk that differ in what it gives, or reads", async () => {
    const [a, b] = smallSites().filter(({ depth }) => depth === 2)
    if (a === undefined || b === undefined) throw new Error("no sites")
    const trunk = { sharedTrunk: true }
    for (const [other, shapes] of [
      [{ condDim: 6 }, "[3, 3, 4, 4], and not [2, 3, 4, 4]"],
      [{ condChannels: 4 }, "[2, 4, 4, 4], and not [2, 3, 4, 4]"],
    ] as const) {
      await expect(
        smallLllite({
          sites: [
            { ...a, ...trunk },
            { ...b, ...trunk, ...other },
          ],
        }),
      ).rejects.toMatchObject({
        code: "write-input",
        tensor: "lllite_conditioning1.depth2.0.weight",
        message: expect.stringContaining(`${b.key} has another shape than the trunk: ${shapes}`),
      })
    }
  })

  it("refuses to turn large values into infinity, and writes infinity that is there", async () => {
    const read = await readLllite(await smallLllite())
    const filled =
      (value: number) => async (site: (typeof read.sites)[number], name: Parameters<LlliteFile["tensor"]>[1]) =>
        (await read.tensor(site, name)).fill(value)
    await expect(smallLllite({ values: filled(1e6), dtype: "F16" })).rejects.toMatchObject({
      code: "value-range",
      message: expect.stringMatching(/too large for F16.*Write F32 or BF16/),
    })
    await expect(smallLllite({ values: filled(1e6), dtype: "BF16" })).resolves.toBeInstanceOf(Uint8Array)
    await expect(smallLllite({ values: filled(Number.POSITIVE_INFINITY), dtype: "F16" })).resolves.toBeInstanceOf(
      Uint8Array,
    )
  })
})

describeWithReference("the reference's files come out byte for byte", ["files/lllite-tiny-f32.safetensors"], () => {
  it.each(["f32", "fp16", "bf16"])("%s", async (precision) => {
    const bytes = referenceBytes(`files/lllite-tiny-${precision}.safetensors`)
    const { sites, tensor, dtypes, metadata, safetensors } = await readLllite(bytes)
    const [dtype] = dtypes as FloatDtype[]
    if (dtype === undefined) throw new Error("no dtype")
    expect(await serializeLllite({ sites, values: tensor, dtype, metadata })).toEqual(bytes)

    const raw = new Map(
      await Promise.all(
        [...safetensors.tensors].map(
          async ([name, info]) => [name, { ...info, bytes: await safetensors.read(name) }] as const,
        ),
      ),
    )
    expect(serializeSafetensors(raw, metadata)).toEqual(bytes)
  })
})
