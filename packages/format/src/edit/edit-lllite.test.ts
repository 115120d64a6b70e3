import { describe, expect, it } from "vitest"
import { edited, smallLllite, smallSites, zeros } from "../../test/lllite-file.ts"
import { written } from "../../test/write-contents.ts"
import { checkLllite } from "../health/check.ts"
import type { LlliteSite } from "../lllite/read.ts"
import { readLllite } from "../lllite/read.ts"
import { siteTensorShapes } from "../lllite/tensors.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { enumerateSites } from "../selections/selection.ts"
import type { LlliteContents } from "../write/lllite.ts"
import { compareLllites } from "./compare.ts"
import { changeMetadata, missingMetadata, withMetadata } from "./edit-metadata.ts"
import { mergeLllites } from "./merge.ts"
import { pruneLllite } from "./prune.ts"
import { sdScriptsProblem } from "./reference-readers.ts"

/** A small LLLite in which all values are equal. With `rising` they are multiplied by the site's place in the list. */
const filled = async (value: number, rising = false): ReturnType<typeof readLllite> => {
  const sites = smallSites()
  return readLllite(
    await smallLllite({
      metadata: new Map([["modelspec.title", `all ${value}`]]),
      values: (site, name) => {
        const count =
          siteTensorShapes(site, site)
            .get(name)
            ?.reduce((product, size) => product * size, 1) ?? 0
        const factor = rising ? 1 + sites.findIndex(({ key }) => key === site.key) : 1
        return new Float32Array(count).fill(value * factor)
      },
    }),
  )
}

describe("changing metadata", () => {
  const before = new Map([
    ["a", "1"],
    ["b", "2"],
    ["c", "3"],
  ])

  it("removes, replaces in place, and adds at the end", () => {
    const change = {
      remove: ["a"],
      set: new Map([
        ["d", "4"],
        ["b", "5"],
      ]),
    }
    expect([...changeMetadata(before, change)]).toEqual([
      ["b", "5"],
      ["c", "3"],
      ["d", "4"],
    ])
    expect(before.size).toBe(3)
  })

  it("refuses to remove a missing key, and lists the keys", () => {
    expect(() => changeMetadata(before, { remove: ["x"] })).toThrow(/no key "x" to remove; it has "a", "b", "c"/)
  })

  it("leaves every tensor's bytes unchanged", async () => {
    const file = await smallLllite({ metadata: before })
    const other = await readLllite(await written(await withMetadata(file, new Map([["only", "this"]]))))
    expect([...other.metadata]).toEqual([["only", "this"]])
    const { sites } = await compareLllites(await readLllite(file), other)
    expect(sites.every(({ parameters }) => parameters?.relative === 0)).toBe(true)
    expect(await written(await withMetadata(file, before))).toEqual(file)
  })

  it("fills in missing metadata from the header, and keeps existing keys", async () => {
    const file = await filled(1)
    expect(Object.fromEntries(missingMetadata(file, "name"))).toEqual({
      "modelspec.sai_model_spec": "1.0.1",
      "modelspec.architecture": "stable-diffusion-xl-v1-base/control-net-lllite",
      "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
      "lllite.cond_emb_dim": "4",
      "lllite.mlp_dim": "3",
    })
    expect(missingMetadata({ ...file, dims: null }, "name").has("lllite.mlp_dim")).toBe(false)
  })
})

describe("mergeLllites", () => {
  it("adds the parameters by weight, and names its parts", async () => {
    const [a, b] = [await filled(1), await filled(3)]
    const merged = await readLllite(
      await written(
        mergeLllites([
          { file: a, weight: 0.25 },
          { file: b, weight: 0.75 },
        ]),
      ),
    )
    const { sites } = await compareLllites(await filled(2.5), merged)
    expect(sites.map(({ parameters }) => parameters?.relative)).toEqual(sites.map(() => 0))
    expect(merged.metadata.get("modelspec.merged_from")).toBe("all 1, all 3")
    expect(merged.dtypes).toEqual(["F32"])
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses a file with %d in it, by its name and the tensor's",
    async (value) => {
      const inputs = [
        { file: await filled(1), weight: 1 },
        { file: await filled(value), weight: 0 },
      ]
      await expect(written(mergeLllites(inputs))).rejects.toMatchObject({
        code: "merge",
        source: "bytes",
        tensor: expect.stringMatching(/^lllite_unet_/),
        message: expect.stringMatching(/NaN or infinite values/),
      })
    },
  )

  it("refuses other widths, other sites, one file, and a weight that is not finite", async () => {
    const file = await filled(1)
    const wide = await readLllite(
      await smallLllite({ sites: smallSites().map((site) => ({ ...site, mlpDim: 5 })), values: zeroValues }),
    )
    const few = await readLllite(await written(pruneLllite(file, ({ block }) => block !== "middle")))
    const merge =
      (...files: (typeof file)[]) =>
      () =>
        mergeLllites(files.map((file) => ({ file, weight: 1 })))
    expect(merge(file, wide)).toThrow(/has mlpDim 5 and in .* 3; resize one of them first/)
    expect(merge(file, few)).toThrow(/it has no middle_block/)
    expect(merge(few, file)).toThrow(/it has middle_block/)
    expect(merge(file)).toThrow(/1 file given, expected at least two/)
    expect(() =>
      mergeLllites([
        { file, weight: 1 },
        { file, weight: Number.NaN },
      ]),
    ).toThrow(/the weight is NaN/)
  })
})

const zeroValues: LlliteContents<LlliteSite>["values"] = (site, name) =>
  new Float32Array(
    siteTensorShapes(site, site)
      .get(name)
      ?.reduce((product, size) => product * size, 1) ?? 0,
  )

describe("pruneLllite", () => {
  it("leaves sites out, and the others byte for byte", async () => {
    const file = await filled(1, true)
    const pruned = await readLllite(await written(pruneLllite(file, ({ block }) => block === "middle")))
    expect(new Set(pruned.sites.map(({ block }) => block))).toEqual(new Set(["middle"]))
    const { onlyFirst, onlySecond, sites } = await compareLllites(file, pruned)
    expect([onlyFirst.length, onlySecond.length]).toEqual([file.sites.length - pruned.sites.length, 0])
    expect(sites.every(({ parameters }) => parameters?.relative === 0)).toBe(true)
  })

  it("zeroes sites, which stay in the file without an effect", async () => {
    const file = await filled(1)
    const keeps = ({ block }: { block: string }): boolean => block === "middle"
    const zeroed = await readLllite(await written(pruneLllite(file, keeps, { mode: "zero" })))
    expect(zeroed.sites).toEqual(file.sites)
    for (const { site, strength } of (await checkLllite(zeroed)).sites) expect(strength > 0).toBe(keeps(site))
  })

  it("refuses to remove no site or all sites", async () => {
    const file = await filled(1)
    expect(() => pruneLllite(file, () => true)).toThrow(/every adapter would stay/)
    expect(() => pruneLllite(file, () => false)).toThrow(/no adapter would stay/)
  })
})

describe("compareLllites", () => {
  it("measures distance, angle and the distance of the sites' deltas", async () => {
    const { sites, metadata } = await compareLllites(await filled(1), await filled(-2), { deltas: true })
    for (const { parameters, delta } of sites) {
      expect(parameters).toEqual({ relative: 3, largest: 3, cosine: expect.closeTo(-1, 12) })
      expect(delta).toBeGreaterThan(0.1)
    }
    expect(metadata).toEqual([{ key: "modelspec.title", first: "all 1", second: "all -2" }])
  })

  it("compares no parameters where widths differ", async () => {
    const wide = await readLllite(
      await smallLllite({ sites: smallSites().map((site) => ({ ...site, mlpDim: 5 })), values: zeroValues }),
    )
    const { sites } = await compareLllites(await filled(1), wide, { deltas: true })
    for (const { parameters, delta } of sites) expect([parameters, delta]).toEqual([null, 1])
  })

  it("reports NaN, and values where all were zero", async () => {
    const [zero, one] = [await readLllite(await smallLllite({ values: zeroValues })), await filled(1)]
    const broken = await filled(Number.NaN)
    const relative = async (a: typeof one, b: typeof one): Promise<unknown> =>
      (await compareLllites(a, b)).sites[0]?.parameters?.relative
    expect(await relative(zero, one)).toBe(Number.POSITIVE_INFINITY)
    expect(await relative(one, broken)).toBeNaN()
    expect(await relative(zero, zero)).toBe(0)
  })
})

describe("sdScriptsProblem", () => {
  it("accepts the usual sites with one pair of widths only", async () => {
    const sites = enumerateSites(SDXL_LAYOUT).map((site) => ({ ...site, condDim: 2, mlpDim: 1 }))
    const [first, ...rest] = sites
    const file = async (kept: typeof sites): ReturnType<typeof readLllite> =>
      readLllite(await smallLllite({ sites: kept, values: zeroValues, dtype: "F8_E5M2" }), { layout: SDXL_LAYOUT })
    expect(sdScriptsProblem(await file(sites))).toBeNull()
    expect(sdScriptsProblem(await file(rest))).toMatch(/1 of the 136 usual sites are missing/)
    if (first === undefined) throw new Error("no site")
    expect(sdScriptsProblem(await file([{ ...first, mlpDim: 2 }, ...rest]))).toMatch(/differ in width/)
    const extra = await edited(await smallLllite({ sites, values: zeroValues }), (tensors) =>
      tensors.set("x", zeros(1)),
    )
    expect(sdScriptsProblem(await readLllite(extra))).toMatch(/1 of its tensors belong to no adapter/)
    expect(sdScriptsProblem(await filled(1))).toMatch(/another|other widths/)
  })
})

it("metadata is a Map, or none", async () => {
  const file = await written({ tensors: new Map(), metadata: undefined })
  for (const wrong of [{ title: "a" }, 7, null]) {
    await expect(withMetadata(file, wrong as unknown as Map<string, string>)).rejects.toThrow("expected a Map")
  }
  expect((await withMetadata(file, undefined)).metadata).toBeUndefined()
})
