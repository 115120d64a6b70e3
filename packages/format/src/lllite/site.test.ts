import { describe, expect, it } from "vitest"
import { describeWithReference, referenceJson } from "../../test/reference.ts"
import type { UnetLayout } from "../networks/unet-layout.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import type { SiteSelection } from "../selections/selection.ts"
import { DEFAULT_SELECTION, enumerateSites } from "../selections/selection.ts"
import { SITE_KEY_PREFIX, siteTable } from "./site.ts"
import { siteParameterCount } from "./tensors.ts"

/** The reference's constants, as `unet.json` names them, in our words. */
function selectionOf(flags: Readonly<Record<string, boolean | number>>): SiteSelection {
  const fields: Record<string, (value: boolean | number) => Partial<SiteSelection>> = {
    SKIP_INPUT_BLOCKS: (skip) => ({ inputBlocks: !skip }),
    SKIP_OUTPUT_BLOCKS: (skip) => ({ outputBlocks: !skip }),
    SKIP_CONV2D: (skip) => ({ conv: !skip }),
    TRANSFORMER_ONLY: (only) => ({ transformerOnly: Boolean(only) }),
    ATTN1_2_ONLY: (only) => ({ attentionOnly: Boolean(only) }),
    ATTN_QKV_ONLY: (only) => ({ qkvOnly: Boolean(only) }),
    ATTN1_ETC_ONLY: (only) => ({ attn1Etc: Boolean(only) }),
    TRANSFORMER_MAX_BLOCK_INDEX: (max) => ({ maxTransformerBlock: Number(max) }),
  }
  let selection = DEFAULT_SELECTION
  for (const [flag, value] of Object.entries(flags)) {
    const field = fields[flag]
    if (field === undefined) throw new Error(`the reference has a constant this test does not know: ${flag}`)
    selection = { ...selection, ...field(value) }
  }
  return selection
}

describeWithReference(
  "enumerateSites matches the reference",
  ["sdxl-lllite-sites.json", "unet.json", "sdxl-checkpoint-keys.json"],
  () => {
    it("on SDXL's 136 default sites: key, depth, width, parameters at 32/64, order", () => {
      type Row = [key: string, depth: number, inDim: number, outDim: number, parameters: number]
      const rows = referenceJson<Row[]>("sdxl-lllite-sites.json")
      expect(rows).toHaveLength(136)
      const ours = enumerateSites(SDXL_LAYOUT).map((site) => {
        return [site.key, site.depth, site.inDim, siteParameterCount(site, { condDim: 32, mlpDim: 64 })]
      })
      expect(ours).toEqual(rows.map(([key, depth, inDim, , parameters]) => [key, depth, inDim, parameters]))
    })

    interface UnetCases {
      readonly unet: { readonly channels: number; readonly depth1: number; readonly depth2: number }
      readonly selections: Record<
        string,
        {
          readonly flags: Record<string, boolean | number>
          readonly sites: readonly { name: string; depth: number; conv: boolean; inDim: number }[]
        }
      >
    }
    const { unet, selections } = referenceJson<UnetCases>("unet.json")
    const tiny: UnetLayout = {
      ...SDXL_LAYOUT,
      modelChannels: unet.channels,
      transformerDepth: [0, unet.depth1, unet.depth2],
      middleDepth: unet.depth2,
    }

    it.each(Object.entries(selections))("on selection %s of the tiny U-Net", (_, { flags, sites }) => {
      const ours = enumerateSites(tiny, selectionOf(flags))
      expect(ours.map(({ key, depth, conv, inDim }) => ({ name: key, depth, conv, inDim }))).toEqual(sites)
    })

    it("on every path: each is a layer of an SDXL checkpoint, of the width and kind the table says", () => {
      const shapes = referenceJson<Record<string, readonly number[]>>("sdxl-checkpoint-keys.json")
      for (const { path, inDim, conv } of siteTable(SDXL_LAYOUT).sites) {
        const shape = shapes[`model.diffusion_model.${path}.weight`]
        expect({ path, inDim: shape?.[1], rank: shape?.length }).toEqual({ path, inDim, rank: conv ? 4 : 2 })
      }
    })

    it("and misses no layer: the rest of the checkpoint's U-Net are norms, embeddings, first and last layer, text k and v", () => {
      const names = Object.keys(referenceJson<Record<string, unknown>>("sdxl-checkpoint-keys.json"))
      const prefix = "model.diffusion_model."
      const layers = names
        .filter((name) => name.startsWith(prefix) && name.endsWith(".weight"))
        .map((name) => name.slice(prefix.length, -".weight".length))
      const { byPath } = siteTable(SDXL_LAYOUT)
      const never =
        /^(time_embed|label_emb|out\.|input_blocks\.0\.0)|\.(emb_layers\.1|norm\d?|in_layers\.0|out_layers\.0|attn2\.to_[kv])$/
      expect(layers.filter((path) => !byPath.has(path) && !never.test(path))).toEqual([])
      expect(layers.filter((path) => byPath.has(path))).toHaveLength(byPath.size)
    })
  },
)

describe("siteTable", () => {
  const layouts: [string, UnetLayout][] = [
    ["SDXL", SDXL_LAYOUT],
    ["a narrow U-Net", { ...SDXL_LAYOUT, modelChannels: 8, transformerDepth: [0, 1, 1], middleDepth: 1 }],
    ["a U-Net with transformers everywhere", { ...SDXL_LAYOUT, transformerDepth: [1, 2, 3], middleDepth: 4 }],
    ["a U-Net without transformers", { ...SDXL_LAYOUT, transformerDepth: [0, 0, 0], middleDepth: 0 }],
  ]

  it.each(layouts)("finds each site of %s by its key and by its path, and nothing twice", (_, layout) => {
    const { sites, byKey, byPath } = siteTable(layout)
    expect(byKey.size).toBe(sites.length)
    expect(byPath.size).toBe(sites.length)
    for (const site of sites) {
      expect(byKey.get(site.key)).toBe(site)
      expect(byPath.get(site.path)).toBe(site)
      expect(site.key).toBe(SITE_KEY_PREFIX + site.path.replaceAll(".", "_"))
    }
  })

  it("describes a site in words", () => {
    const { byPath } = siteTable(SDXL_LAYOUT)
    expect(byPath.get("input_blocks.4.1.transformer_blocks.0.attn1.to_q")).toEqual({
      key: "lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
      path: "input_blocks.4.1.transformer_blocks.0.attn1.to_q",
      section: "input",
      block: "input 4",
      blockIndex: 4,
      index: 0,
      attention: "self",
      projection: "q",
      conv: false,
      inDim: 640,
      depth: 2,
    })
    expect(byPath.get("middle_block.1.transformer_blocks.9.attn2.to_out.0")).toMatchObject({
      block: "middle",
      index: 9,
      attention: "cross",
      projection: "out",
    })
    expect(byPath.get("output_blocks.2.2.conv")).toMatchObject({
      block: "output 2",
      index: null,
      attention: null,
      projection: "upsample",
      conv: true,
      depth: 2,
    })
  })

  it("widens with the model and keeps its keys", () => {
    const wide = siteTable({ ...SDXL_LAYOUT, modelChannels: 640 }).sites
    const narrow = siteTable(SDXL_LAYOUT).sites
    expect(wide.map(({ key }) => key)).toEqual(narrow.map(({ key }) => key))
    expect(wide.map(({ inDim }) => inDim)).toEqual(narrow.map(({ inDim }) => 2 * inDim))
  })

  it.each([
    [{ modelChannels: 0 }, /modelChannels is 0/],
    [{ modelChannels: 2.5 }, /modelChannels is 2.5/],
    [{ modelChannels: 1e9 }, /modelChannels/],
    [{ transformerDepth: [0, -1, 2] as const }, /transformerDepth\[1\] is -1/],
    [{ channelMult: [1, Number.NaN, 4] as const }, /channelMult\[1\] is NaN/],
    [{ middleDepth: 0.5 }, /middleDepth is 0.5/],
  ])("refuses the layout %j", (change, message) => {
    const expected = expect.objectContaining({ code: "layout", message: expect.stringMatching(message) })
    expect(() => siteTable({ ...SDXL_LAYOUT, ...change })).toThrow(expected)
  })
})
