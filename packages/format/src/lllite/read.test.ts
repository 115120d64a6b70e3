import { describe, expect, it } from "vitest"
import { edited, SMALL_DIMS, SMALL_LAYOUT, smallLllite, smallSites, zeros } from "../../test/lllite-file.ts"
import { describeWithReference, referenceBytes } from "../../test/reference.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { NAMED_SELECTIONS } from "../selections/named-selections.ts"
import { DEFAULT_SELECTION, enumerateSites } from "../selections/selection.ts"
import { fromBytes } from "../source.ts"
import { serializeLllite } from "../write/lllite.ts"
import type { TensorBytes } from "../write/safetensors.ts"
import { serializeSafetensors } from "../write/safetensors.ts"
import { readLllite } from "./read.ts"
import { siteTensorShapes } from "./tensors.ts"

const firstKey = "lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
const deepKey = "lllite_unet_middle_block_1_transformer_blocks_0_attn1_to_q"

describe("readLllite", () => {
  it("takes null for options as none", async () => {
    const file = await readLllite(await smallLllite({}), null as never)
    expect(file.sites).toEqual(smallSites())
  })

  it("finds sites, widths and layout by names and shapes", async () => {
    const file = await readLllite(await smallLllite({ metadata: new Map([["modelspec.title", "small"]]) }))
    expect(file.sites).toEqual(smallSites())
    expect(file.sites[0]).toMatchObject({
      block: "input 4",
      index: 0,
      attention: "self",
      projection: "q",
      condDim: 4,
      mlpDim: 3,
    })
    expect(file.layout).toEqual(SMALL_LAYOUT)
    expect(file.dims).toEqual(SMALL_DIMS)
    expect(file.dtypes).toEqual(["F32"])
    expect(file.extraTensors).toEqual([])
    expect(file.metadata.get("modelspec.title")).toBe("small")
    expect(file.parameterCount).toBe((file.safetensors.size - file.safetensors.dataStart) / 4)
  })

  it("recognises SDXL's own layout", async () => {
    const sites = enumerateSites(SDXL_LAYOUT).map((site) => ({ ...site, condDim: 2, mlpDim: 1 }))
    const bytes = await serializeLllite({
      sites,
      values: (site, name) => {
        const shape = siteTensorShapes(site, site).get(name) ?? []
        return new Float32Array(shape.reduce((product, size) => product * size, 1))
      },
      dtype: "F16",
    })
    const file = await readLllite(new Blob([bytes]))
    expect(file.layout).toBe(SDXL_LAYOUT)
    expect(file.sites).toHaveLength(136)
  })

  it.each(Object.entries(NAMED_SELECTIONS))("reads the sites of the selection %s", async (_, selection) => {
    const sites = smallSites(selection)
    const file = await readLllite(await smallLllite({ sites }), { layout: SMALL_LAYOUT })
    expect(file.sites).toEqual(sites)
  })

  it("reads any sites, and gives null for widths that differ", async () => {
    const sites = smallSites().slice(1)
    const mixed = sites.map((site, i) => (i === 0 ? { ...site, mlpDim: 5 } : site))
    const file = await readLllite(await smallLllite({ sites: mixed }))
    expect(file.sites).toEqual(mixed)
    expect(file.dims).toBeNull()
  })

  it("reads a tensor's values by site and name", async () => {
    const file = await readLllite(await smallLllite({ dtype: "BF16" }))
    const [site] = file.sites
    if (site === undefined) throw new Error("no site")
    expect([...(await file.tensor(site, "down.0.bias"))]).toEqual([0.25, 0.25, 0.25])
    await expect(file.tensor(site, "conditioning1.4.bias")).rejects.toMatchObject({ code: "tensor-unknown" })
  })

  it("lists tensors that belong to no site, and continues", async () => {
    const extra = ["note", `${firstKey}.alpha`, `${firstKey}.down.1.weight`, "lllite_unet_mid.down.0.weight", firstKey]
    const bytes = await edited(await smallLllite(), (tensors) => {
      for (const name of extra) tensors.set(name, zeros(1))
    })
    const file = await readLllite(bytes)
    expect(new Set(file.extraTensors)).toEqual(new Set(extra))
    expect(file.sites).toEqual(smallSites())
  })

  it("finds sites of a U-Net deeper than SDXL with its layout", async () => {
    const layout = { ...SMALL_LAYOUT, middleDepth: 12 }
    const bytes = await smallLllite({ sites: smallSites(DEFAULT_SELECTION, layout) })
    expect((await readLllite(bytes, { layout })).sites).toEqual(smallSites(DEFAULT_SELECTION, layout))
  })
})

describe("readLllite refuses", () => {
  const drop = (name: string) => (tensors: Map<string, TensorBytes>) => {
    if (!tensors.delete(name)) throw new Error(`there was no ${name}`)
  }
  const put = (name: string, tensor: TensorBytes) => (tensors: Map<string, TensorBytes>) => {
    if (!tensors.has(name)) throw new Error(`there was no ${name}`)
    tensors.set(name, tensor)
  }
  const add = (name: string, tensor: TensorBytes) => (tensors: Map<string, TensorBytes>) => {
    tensors.set(name, tensor)
  }
  const tails = [...siteTensorShapes({ inDim: 32, depth: 3, conv: false }, SMALL_DIMS).keys()]

  it.each(tails)("an adapter without %s", async (tail) => {
    const bytes = await edited(await smallLllite(), drop(`${deepKey}.${tail}`))
    const code = tail === "conditioning1.4.weight" ? "site-depth" : "site-incomplete"
    await expect(readLllite(bytes)).rejects.toMatchObject({ code, tensor: expect.stringContaining(deepKey) })
  })

  it.each(tails)("an adapter with a misshapen %s", async (tail) => {
    const bytes = await edited(await smallLllite(), put(`${deepKey}.${tail}`, zeros(7)))
    await expect(readLllite(bytes)).rejects.toMatchObject({
      code: expect.stringMatching(/^site-(shape|incomplete|depth)$/),
      tensor: expect.stringContaining(deepKey),
    })
  })

  const cases: [string, (tensors: Map<string, TensorBytes>) => void, string, string, RegExp][] = [
    [
      "a transposed up",
      put(`${firstKey}.up.0.weight`, zeros(3, 16)),
      "site-shape",
      "up.0.weight",
      /\[3, 16\], expected \[16, 3\]/,
    ],
    [
      "a mid of another condDim",
      put(`${firstKey}.mid.0.weight`, zeros(3, 8)),
      "site-shape",
      "mid.0.weight",
      /expected \[3, 7\] with condDim 4/,
    ],
    [
      "a convolution on a linear host",
      put(`${firstKey}.down.0.weight`, zeros(3, 16, 1, 1)),
      "site-shape",
      "down.0.weight",
      /host is linear/,
    ],
    [
      "a conditioner of depth 1 at depth 2",
      put(`${firstKey}.conditioning1.2.weight`, zeros(4, 2, 2, 2)),
      "site-depth",
      "conditioning1.2.weight",
      /depth 1 \(1\/8.*expected.*depth 2 \(1\/16.*input 4/,
    ],
    [
      "a conditioner of depth 3 at depth 2",
      add(`${firstKey}.conditioning1.4.weight`, zeros(4, 2, 2, 2)),
      "site-depth",
      "conditioning1.2.weight",
      /depth 3/,
    ],
    [
      "a conditioner of unknown form",
      put(`${firstKey}.conditioning1.2.weight`, zeros(4, 2, 3, 3)),
      "site-depth",
      "conditioning1.2.weight",
      /no known form/,
    ],
    ["a bottleneck of 0", put(`${firstKey}.down.0.weight`, zeros(0, 16)), "site-shape", "down.0.weight", /size of 0/],
    [
      "an embedding of 1 channel",
      put(`${firstKey}.conditioning1.2.weight`, zeros(1, 2, 4, 4)),
      "site-shape",
      "conditioning1.2.weight",
      /at least 2/,
    ],
    [
      "integers for weights",
      put(`${firstKey}.up.0.bias`, { dtype: "I32", shape: [16], bytes: new Uint8Array(64) }),
      "site-dtype",
      "up.0.bias",
      /dtype is I32/,
    ],
  ]
  it.each(cases)("%s", async (_, change, code, tail, message) => {
    const source = fromBytes(await edited(await smallLllite(), change), "edited.safetensors")
    await expect(readLllite(source)).rejects.toMatchObject({
      code,
      source: "edited.safetensors",
      tensor: `${firstKey}.${tail}`,
      message: expect.stringMatching(message),
    })
  })

  it("sites of two U-Nets in one file", async () => {
    const sites = smallSites().map((site, i) => (i === 5 ? { ...site, inDim: 24 } : site))
    await expect(readLllite(await smallLllite({ sites }))).rejects.toMatchObject({
      code: "site-width",
      message: expect.stringMatching(/takes 24 channels; .* takes 16 has 16 there/),
    })
  })

  it("a file for another U-Net than the requested one", async () => {
    const bytes = await smallLllite()
    await expect(readLllite(bytes, { layout: SDXL_LAYOUT })).rejects.toMatchObject({
      code: "site-width",
      message: expect.stringMatching(/16 channels in the file and 640 in the U-Net/),
    })
    const shallow = { ...SMALL_LAYOUT, middleDepth: 1 }
    await expect(readLllite(bytes, { layout: shallow })).rejects.toMatchObject({
      code: "site-unknown",
      message: expect.stringMatching(/has no middle_block\.1\.transformer_blocks\.1/),
    })
  })

  it("names that are similar to an LLLite's", async () => {
    const bytes = serializeSafetensors(
      new Map([["lllite_unet_down_blocks_1_attentions_0.down.0.weight", zeros(3, 16)]]),
    )
    await expect(readLllite(bytes)).rejects.toMatchObject({
      code: "site-unknown",
      message: expect.stringMatching(/lllite_unet_down_blocks_1_attentions_0/),
    })
  })

  it.each(["lora_unet_down_blocks_0.lora_down.weight", "lllite_dit_blocks_0_self_attn_q_proj.down.0.weight"])(
    "a file whose tensors are named like %s",
    async (name) => {
      const bytes = serializeSafetensors(new Map([[name, zeros(1)]]))
      await expect(readLllite(bytes)).rejects.toMatchObject({
        code: "wrong-kind",
        message: expect.stringMatching(`begin with lllite_unet_; the first here is "${name}"`),
      })
    },
  )

  it("a file without tensors", async () => {
    await expect(readLllite(serializeSafetensors(new Map()))).rejects.toMatchObject({ code: "wrong-kind" })
  })
})

describeWithReference("readLllite reads the reference's files", ["files/lllite-tiny-f32.safetensors"], () => {
  it.each(["f32", "fp16", "bf16"])("%s", async (precision) => {
    const file = await readLllite(referenceBytes(`files/lllite-tiny-${precision}.safetensors`))
    expect(file.sites).toHaveLength(20)
    expect(file.dims).toEqual({ condDim: 8, mlpDim: 16 })
    expect(file.layout).toMatchObject({ modelChannels: 32, transformerDepth: [0, 1, 1], middleDepth: 1 })
    expect(file.extraTensors).toEqual([])
  })

  it("with the same values in every precision, to that precision", async () => {
    const [single, half, brain] = await Promise.all(
      ["f32", "fp16", "bf16"].map((name) => readLllite(referenceBytes(`files/lllite-tiny-${name}.safetensors`))),
    )
    if (single === undefined || half === undefined || brain === undefined) throw new Error("a file is missing")
    for (const site of single.sites) {
      for (const name of siteTensorShapes(site, site).keys()) {
        const exact = await single.tensor(site, name)
        for (const [file, error] of [
          [half, 2 ** -11],
          [brain, 2 ** -8],
        ] as const) {
          const rounded = await file.tensor(site, name)
          // Half a unit in the last place, or half of float16's smallest step near zero.
          const wrong = exact.findIndex(
            (value, i) => Math.abs(value - (rounded[i] ?? 0)) > Math.max(Math.abs(value) * error, 2 ** -25),
          )
          expect(wrong).toBe(-1)
        }
      }
    }
  })
})
