import type { UnetLayout } from "./layout.ts"
import { checkLayout, SDXL_LAYOUT } from "./layout.ts"

/** What every LLLite site key begins with. */
export const SITE_KEY_PREFIX = "lllite_unet_"

/** Where in the U-Net: way down, turning point, way up. */
export type SiteSection = "input" | "middle" | "output"

/** A block as people say it. */
export type SiteBlock = `input ${number}` | "middle" | `output ${number}`

/**
 * Which layer of its block a site is. `q k v out` belong to an attention, `ff-in ff-out` to a feed-forward,
 * `proj-in proj-out` to a transformer, `conv1 conv2 skip` to a residual block.
 */
export type SiteProjection =
  | "q"
  | "k"
  | "v"
  | "out"
  | "ff-in"
  | "ff-out"
  | "proj-in"
  | "proj-out"
  | "conv1"
  | "conv2"
  | "skip"
  | "downsample"
  | "upsample"

/** One layer of the U-Net whose input an LLLite may change: its host. */
export interface Site {
  /** Name in an LLLite file: `lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q`. */
  readonly key: string
  /** The host's name in an SDXL checkpoint, after `model.diffusion_model.`. */
  readonly path: string
  readonly section: SiteSection
  readonly block: SiteBlock
  /** 4 of `input 4`; 0 in the middle. */
  readonly blockIndex: number
  /** Index of the transformer block inside the block's transformer, or null outside transformer blocks. */
  readonly index: number | null
  /** `self` is the checkpoint's attn1, `cross` its attn2; null for layers of no attention. */
  readonly attention: "self" | "cross" | null
  readonly projection: SiteProjection
  /** Whether the host is a convolution rather than a linear layer. */
  readonly conv: boolean
  /** Channels of the host's input: what `down` reads and `up` writes. */
  readonly inDim: number
  /** How far the conditioner shrinks the control image: 1 is 1/8, 2 is 1/16, 3 is 1/32 of its pixels per side. */
  readonly depth: 1 | 2 | 3
}

/** All sites a U-Net can have, in module order, and both ways to look one up. */
export interface SiteTable {
  readonly sites: readonly Site[]
  readonly byKey: ReadonlyMap<string, Site>
  readonly byPath: ReadonlyMap<string, Site>
}

/**
 * Every layer of a U-Net that the reference could ever attach to. A key joins its path with `_` in place of `.`. No rule
 * can take such a key apart again. So keys are looked up here and never parsed.
 *
 * @throws FormatError `layout`
 */
export function siteTable(layout: UnetLayout): SiteTable {
  if (layout !== SDXL_LAYOUT) return createTable(layout)
  // SDXL's is asked for again and again, and its layout is frozen.
  sdxlTable ??= createTable(layout)
  return sdxlTable
}

let sdxlTable: SiteTable | undefined

function createTable(layout: UnetLayout): SiteTable {
  const sites = allSites(layout)
  return {
    sites,
    byKey: new Map(sites.map((site) => [site.key, site])),
    byPath: new Map(sites.map((site) => [site.path, site])),
  }
}

/** The layers of one block that stand beside each other: `<block>.0`, `<block>.1`, … */
interface BlockPlace {
  readonly section: SiteSection
  readonly blockIndex: number
  readonly depth: 1 | 2 | 3
}

function allSites(layout: UnetLayout): Site[] {
  checkLayout(layout)
  const [c0, c1, c2] = layout.channelMult.map((mult) => mult * layout.modelChannels) as [number, number, number]
  const widths = [c0, c1, c2] as const
  const sites: Site[] = []

  // Way down: block 0 is the first convolution (never a site), then two residual blocks a level, a downsampler between.
  const skips = [c0]
  let width = c0
  for (const level of [0, 1, 2] as const) {
    for (const step of [1, 2]) {
      const place = inputPlace(3 * level + step)
      sites.push(...resBlockSites(place, 0, width, widths[level]))
      sites.push(...transformerSites(place, 1, widths[level], layout.transformerDepth[level]))
      width = widths[level]
      skips.push(width)
    }
    if (level < 2) {
      const place = inputPlace(3 * level + 3)
      sites.push(convSite(place, "0.op", "downsample", width))
      skips.push(width)
    }
  }

  const middle: BlockPlace = { section: "middle", blockIndex: 0, depth: 3 }
  sites.push(...resBlockSites(middle, 0, width, width))
  sites.push(...transformerSites(middle, 1, width, layout.middleDepth))
  sites.push(...resBlockSites(middle, layout.middleDepth > 0 ? 2 : 1, width, width))

  // Way up: every block reads what came so far and the matching block's output from the way down.
  for (const level of [2, 1, 0] as const) {
    for (const step of [0, 1, 2]) {
      const place = outputPlace(3 * (2 - level) + step)
      const hasTransformer = layout.transformerDepth[level] > 0
      sites.push(...resBlockSites(place, 0, width + (skips.pop() as number), widths[level]))
      sites.push(...transformerSites(place, 1, widths[level], layout.transformerDepth[level]))
      width = widths[level]
      if (level > 0 && step === 2) {
        // The reference counts the upsampler to the level it leads to.
        const upsampler = { ...place, depth: (place.depth - 1) as 1 | 2 }
        sites.push(convSite(upsampler, `${hasTransformer ? 2 : 1}.conv`, "upsample", width))
      }
    }
  }
  return sites
}

// Depths by block index: sd-scripts `networks/control_net_lllite.py`, `create_modules`.
function inputPlace(blockIndex: number): BlockPlace {
  return { section: "input", blockIndex, depth: blockIndex <= 2 ? 1 : blockIndex <= 5 ? 2 : 3 }
}

function outputPlace(blockIndex: number): BlockPlace {
  return { section: "output", blockIndex, depth: blockIndex <= 2 ? 3 : blockIndex <= 5 ? 2 : 1 }
}

function resBlockSites(place: BlockPlace, child: number, from: number, to: number): Site[] {
  const sites = [
    convSite(place, `${child}.in_layers.2`, "conv1", from),
    convSite(place, `${child}.out_layers.3`, "conv2", to),
  ]
  if (from !== to) sites.push(convSite(place, `${child}.skip_connection`, "skip", from))
  return sites
}

function transformerSites(place: BlockPlace, child: number, width: number, blocks: number): Site[] {
  if (blocks === 0) return []
  const linear = (tail: string, projection: SiteProjection, inDim = width): Site =>
    site(place, `${child}.${tail}`, { index: null, attention: null, projection, conv: false, inDim })
  const sites = [linear("proj_in", "proj-in")]
  for (let index = 0; index < blocks; index++) sites.push(...transformerBlockSites(place, child, index, width))
  sites.push(linear("proj_out", "proj-out"))
  return sites
}

function transformerBlockSites(place: BlockPlace, child: number, index: number, width: number): Site[] {
  const at = (
    tail: string,
    projection: SiteProjection,
    attention: "self" | "cross" | null,
    inDim: number = width,
  ): Site =>
    site(place, `${child}.transformer_blocks.${index}.${tail}`, { index, attention, projection, conv: false, inDim })
  return [
    at("attn1.to_q", "q", "self"),
    at("attn1.to_k", "k", "self"),
    at("attn1.to_v", "v", "self"),
    at("attn1.to_out.0", "out", "self"),
    at("ff.net.0.proj", "ff-in", null),
    at("ff.net.2", "ff-out", null, 4 * width),
    // Cross-attention's k and v read the text, which has no picture to be steered by: never a site.
    at("attn2.to_q", "q", "cross"),
    at("attn2.to_out.0", "out", "cross"),
  ]
}

function convSite(place: BlockPlace, tail: string, projection: SiteProjection, inDim: number): Site {
  return site(place, tail, { index: null, attention: null, projection, conv: true, inDim })
}

function site(
  place: BlockPlace,
  tail: string,
  layer: Pick<Site, "index" | "attention" | "projection" | "conv" | "inDim">,
): Site {
  const { section, blockIndex, depth } = place
  const root = section === "middle" ? "middle_block" : `${section}_blocks.${blockIndex}`
  const path = `${root}.${tail}`
  return {
    key: SITE_KEY_PREFIX + path.replaceAll(".", "_"),
    path,
    section,
    block: section === "middle" ? "middle" : `${section} ${blockIndex}`,
    blockIndex,
    ...layer,
    depth,
  }
}
