import { expectLayout } from "../argument.ts"
import type { UnetLayer, UnetRole, UnetSection } from "../networks/unet-layer.ts"
import type { UnetLayout } from "../networks/unet-layout.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { unetTable } from "../networks/unet-table.ts"

/** The prefix of every LLLite site key. */
export const SITE_KEY_PREFIX = "lllite_unet_"

/** The part of the U-Net: way down, middle, way up. */
export type SiteSection = Extract<UnetSection, "input" | "middle" | "output">

/** A block's name for people. */
export type SiteBlock = `input ${number}` | "middle" | `output ${number}`

/**
 * The layer of a site in its block. `q k v out` belong to an attention, `ff-in ff-out` to a feed-forward,
 * `proj-in proj-out` to a transformer, `conv1 conv2 skip` to a residual block.
 */
export type SiteProjection = Extract<UnetRole, (typeof PROJECTIONS)[number]>

const PROJECTIONS = [
  ...(["q", "k", "v", "out", "ff-in", "ff-out", "proj-in", "proj-out"] as const),
  ...(["conv1", "conv2", "skip", "downsample", "upsample"] as const),
]

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
  /** `self` is the checkpoint's attn1, `cross` its attn2. Null for layers outside of an attention. */
  readonly attention: "self" | "cross" | null
  readonly projection: SiteProjection
  /** Whether the host is a convolution rather than a linear layer. */
  readonly conv: boolean
  /** Channels of the host's input: what `down` reads and `up` writes. */
  readonly inDim: number
  /** The reduction of the control image by the conditioner: 1 is 1/8, 2 is 1/16, 3 is 1/32 of its pixels per side. */
  readonly depth: 1 | 2 | 3
}

/** All sites of a U-Net, in module order, and two lookups. */
export interface SiteTable {
  readonly sites: readonly Site[]
  readonly byKey: ReadonlyMap<string, Site>
  readonly byPath: ReadonlyMap<string, Site>
}

/**
 * Every layer of a U-Net that an LLLite may change. A key is a path with `_` in place of `.`. No rule can split such a
 * key again. So keys are looked up here and never parsed.
 *
 * @throws FormatError `layout`
 */
export function siteTable(layout: UnetLayout): SiteTable {
  expectLayout(layout)
  if (layout !== SDXL_LAYOUT) return createTable(layout)
  // SDXL's table is used often, and its layout is frozen.
  sdxlTable ??= createTable(layout)
  return sdxlTable
}

let sdxlTable: SiteTable | undefined

function createTable(layout: UnetLayout): SiteTable {
  const sites = unetTable(layout).layers.flatMap((layer) => siteOf(layer) ?? [])
  return {
    sites,
    byKey: new Map(sites.map((site) => [site.key, site])),
    byPath: new Map(sites.map((site) => [site.path, site])),
  }
}

/** A layer as a site, or null if an LLLite cannot change it. */
function siteOf({ path, section, blockIndex, index, attention, role, kind, inDim }: UnetLayer): Site | null {
  if (section === "embedding" || section === "end") return null
  const projection = PROJECTIONS.find((name) => name === role)
  // Cross-attention's k and v read the text, which has no place in the picture.
  if (projection === undefined || (attention === "cross" && (projection === "k" || projection === "v"))) return null
  return {
    key: SITE_KEY_PREFIX + path.replaceAll(".", "_"),
    path,
    section,
    block: section === "middle" ? "middle" : `${section} ${blockIndex}`,
    blockIndex,
    index,
    attention,
    projection,
    conv: kind === "conv",
    inDim,
    depth: depthOf(section, blockIndex, projection),
  }
}

/** Depths by block index: sd-scripts `networks/control_net_lllite.py`, `create_modules`. */
function depthOf(section: SiteSection, blockIndex: number, projection: SiteProjection): 1 | 2 | 3 {
  if (section === "middle") return 3
  const third = blockIndex <= 2 ? 0 : blockIndex <= 5 ? 1 : 2
  if (section === "input") return third === 0 ? 1 : third === 1 ? 2 : 3
  // The reference counts the upsampler as part of the next level.
  const isUp = projection === "upsample"
  if (third === 0) return isUp ? 2 : 3
  return third === 1 && !isUp ? 2 : 1
}
