import { describe, expect, it } from "vitest"
import { smallLllite } from "../../test/lllite-file.ts"
import { RANDOM_DIMS as DIMS, randomLllite } from "../../test/random-lllite.ts"
import { written } from "../../test/write-contents.ts"
import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import { readLllite } from "../lllite/read.ts"
import { compareLllites } from "./compare.ts"
import { resizeLllite } from "./resize.ts"

const reread = async (contents: Parameters<typeof written>[0]): Promise<LlliteFile> =>
  readLllite(await written(contents))

describe("resizeLllite", () => {
  it("makes adapters wider without changing their delta, and finds the old ones when it narrows them again", async () => {
    const file = await randomLllite()
    const wide = await reread(await resizeLllite(file, { dims: { condDim: 11, mlpDim: 13 } }))
    expect(wide.dims).toEqual({ condDim: 11, mlpDim: 13 })
    for (const { delta } of (await compareLllites(file, wide, { deltas: true })).sites)
      expect(delta).toBeLessThan(1e-12)

    // Samples of some seeds leave a neuron at zero throughout. Then the fit does not see it.
    const back = await resizeLllite(wide, { dims: DIMS, seed: 1 })
    for (const { relative } of back.sites) expect(relative).toBeLessThan(1e-6)
    const narrow = await reread(back)
    expect(narrow.dims).toEqual(DIMS)
    for (const { delta } of (await compareLllites(file, narrow, { deltas: true })).sites)
      expect(delta).toBeLessThan(1e-5)
  })

  it("gives the error on other samples, between the smallest possible error and that of no effect", async () => {
    const file = await randomLllite()
    for (const dims of [{ mlpDim: 4 }, { condDim: 3 }, { condDim: 4, mlpDim: 5 }]) {
      const resized = await resizeLllite(file, { dims })
      const shown = (await compareLllites(file, await reread(resized), { deltas: true })).sites
      for (const [i, { relative, bound }] of resized.sites.entries()) {
        expect(relative).toBeGreaterThan(bound)
        expect(relative).toBeLessThan(0.9)
        const delta = shown[i]?.delta ?? Number.NaN
        expect(Math.abs(delta - relative)).toBeLessThan(0.1 * relative + 0.02)
      }
    }
  })

  it("is better than removing the last neurons", async () => {
    const file = await randomLllite()
    const resized = await resizeLllite(file, { dims: { mlpDim: 5 } })
    const cutSites = file.sites.map((site) => ({ ...site, mlpDim: 5 }))
    const values = async (site: LlliteSite, name: Parameters<LlliteFile["tensor"]>[1]): Promise<Float32Array> => {
      const old = await file.tensor(site, name)
      const rows = (count: number, from: number, take: number, stride: number): number[] =>
        Array.from({ length: count }, (_, row) => [
          ...old.subarray(row * stride + from, row * stride + from + take),
        ]).flat()
      if (name === "up.0.weight") return Float32Array.from(rows(site.inDim, 0, 5, DIMS.mlpDim))
      if (name === "mid.0.weight") return Float32Array.from(rows(5, 0, DIMS.condDim + 5, DIMS.condDim + DIMS.mlpDim))
      return name.startsWith("down.") || name === "mid.0.bias" ? old.subarray(0, (old.length / DIMS.mlpDim) * 5) : old
    }
    const cut = await readLllite(await smallLllite({ sites: cutSites, values }))
    const { sites } = await compareLllites(file, cut, { deltas: true })
    for (const [i, { relative }] of resized.sites.entries()) expect(relative).toBeLessThan(0.8 * (sites[i]?.delta ?? 0))
  })

  it("gives the same file for the same seed", async () => {
    const file = await randomLllite()
    const once = async (seed: number): Promise<Uint8Array> =>
      written(await resizeLllite(file, { dims: { mlpDim: 4 }, seed }))
    expect(await once(3)).toEqual(await once(3))
    expect(await once(3)).not.toEqual(await once(4))
  })

  it.each([
    ["down.0.weight", 7],
    ["conditioning1.0.bias", 0],
    ["up.0.bias", 3],
  ])("refuses an adapter with a single value of %s that is not finite", async (tensor, place) => {
    const file = await randomLllite()
    const values = async (site: LlliteSite, name: Parameters<LlliteFile["tensor"]>[1]): Promise<Float32Array> => {
      const list = (await file.tensor(site, name)).slice()
      if (name === tensor && site.key === file.sites[1]?.key) list[place] = Number.POSITIVE_INFINITY
      return list
    }
    const broken = await readLllite(await smallLllite({ sites: file.sites, values }))
    await expect(resizeLllite(broken, { dims: { mlpDim: 4 } })).rejects.toMatchObject({
      code: "value-range",
      tensor: file.sites[1]?.key,
    })
  })

  it("refuses an LLLite that reads a hole, by its first such site", async () => {
    const file = await randomLllite()
    const sites = file.sites.map((site, i) => (i === 1 ? { ...site, condChannels: 4 as const } : site))
    await expect(resizeLllite({ ...file, sites }, { dims: { mlpDim: 4 } })).rejects.toMatchObject({
      code: "dims",
      tensor: file.sites[1]?.key,
    })
  })

  it("keeps the file's dtype, and takes F32 where it has several", async () => {
    const file = await randomLllite()
    for (const [dtypes, wanted] of [
      [["BF16"], "BF16"],
      [["BF16", "F16"], "F32"],
      [["F16"], "F16"],
    ] as const) {
      const resized = await reread(await resizeLllite({ ...file, dtypes }, { dims: { mlpDim: 4 } }))
      expect(resized.dtypes).toEqual([wanted])
    }
  })

  it("refuses widths out of range, and values that are not finite", async () => {
    const file = await randomLllite()
    await expect(resizeLllite(file, { dims: { mlpDim: 0 } })).rejects.toMatchObject({ code: "dims" })
    for (const options of [undefined, null, { mlpDim: 4 }]) {
      await expect(resizeLllite(file, options as never)).rejects.toMatchObject({ code: "argument" })
    }
    const broken = await readLllite(
      await smallLllite({
        sites: file.sites,
        values: async (site, name) =>
          name === "mid.0.bias" ? new Float32Array(8).fill(Number.NaN) : file.tensor(site, name),
      }),
    )
    await expect(resizeLllite(broken, { dims: { mlpDim: 4 } })).rejects.toMatchObject({
      code: "value-range",
      tensor: file.sites[0]?.key,
    })
  })
})

it("is refused with other widths than an object of numbers", async () => {
  const file = await randomLllite()
  for (const dims of [7, null, undefined, [], "4"]) {
    await expect(resizeLllite(file, { dims: dims as object })).rejects.toThrow("dims is of the kind")
  }
})
