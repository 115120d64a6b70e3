import { expectArgument, expectSite } from "../argument.ts"
import { FormatError } from "../errors.ts"
import type { Site } from "../lllite/site.ts"
import { siteTable } from "../lllite/site.ts"
import type { UnetLayout } from "../networks/unet-layout.ts"

/**
 * The sites of a U-Net that an LLLite uses. Each field is one constant of the reference, in positive form. A file
 * stores none of them.
 * Source: sd-scripts `networks/control_net_lllite.py`, lines 10-35.
 */
export interface SiteSelection {
  /** Sites in `input_blocks`. Reference: not SKIP_INPUT_BLOCKS. */
  readonly inputBlocks: boolean
  /** Sites in `middle_block`. The reference always takes them. */
  readonly middle: boolean
  /** Sites in `output_blocks`. Reference: not SKIP_OUTPUT_BLOCKS. */
  readonly outputBlocks: boolean
  /**
   * Convolutions. They exist outside of transformers only, so `transformerOnly` excludes them. Reference: not
   * SKIP_CONV2D.
   */
  readonly conv: boolean
  /** Only layers of transformers, without residual blocks, down- and upsamplers. Reference: TRANSFORMER_ONLY. */
  readonly transformerOnly: boolean
  /** Only the two attentions' projections. Reference: ATTN1_2_ONLY. */
  readonly attentionOnly: boolean
  /**
   * With `attentionOnly`, excludes the attentions' output projections. No effect without it. Reference: ATTN_QKV_ONLY.
   */
  readonly qkvOnly: boolean
  /** Only self-attention k, v, out, the feed-forward's second layer and `proj_out`. Reference: ATTN1_ETC_ONLY. */
  readonly attn1Etc: boolean
  /** Highest used index of a transformer block, or null for all. Reference: TRANSFORMER_MAX_BLOCK_INDEX. */
  readonly maxTransformerBlock: number | null
}

/**
 * The selection of the reference and of every published file: q, k, v of self-attention, q of cross-attention, no
 * output blocks.
 */
export const DEFAULT_SELECTION: SiteSelection = Object.freeze({
  inputBlocks: true,
  middle: true,
  outputBlocks: false,
  conv: true,
  transformerOnly: true,
  attentionOnly: true,
  qkvOnly: true,
  attn1Etc: false,
  maxTransformerBlock: null,
})

/**
 * The sites of a selection, in the U-Net's module order. A forward pass runs the adapters in the same order, except at
 * cross-attention. There the reference's module order puts the feed-forward first.
 *
 * @throws FormatError `layout`, `selection`
 */
export function enumerateSites(layout: UnetLayout, selection: SiteSelection = DEFAULT_SELECTION): readonly Site[] {
  checkSelection(selection)
  return siteTable(layout).sites.filter((site) => takesSite(selection, site))
}

/** Whether a selection has a site. The checks have the reference's order. */
export function takesSite(selection: SiteSelection, site: Site): boolean {
  expectArgument(typeof selection?.inputBlocks === "boolean", "the selection", selection, "such as a named one")
  expectSite(site)
  if (site.section === "input" && !selection.inputBlocks) return false
  if (site.section === "middle" && !selection.middle) return false
  if (site.section === "output" && !selection.outputBlocks) return false
  if (site.conv && (!selection.conv || selection.transformerOnly)) return false
  const { maxTransformerBlock } = selection
  if (maxTransformerBlock !== null && site.index !== null && site.index > maxTransformerBlock) return false
  if (selection.attentionOnly) {
    if (site.attention === null) return false
    if (selection.qkvOnly && site.projection === "out") return false
  }
  if (selection.attn1Etc) return isAttn1Etc(site)
  return true
}

function checkSelection(selection: SiteSelection): void {
  const max = selection.maxTransformerBlock
  if (max === null || (Number.isInteger(max) && max >= 0)) return
  throw new FormatError(
    "selection",
    `site selection: maxTransformerBlock is ${max}, expected a whole number of at least 0, or null for every block`,
  )
}

function isAttn1Etc(site: Site): boolean {
  if (site.attention === "self") return site.projection !== "q"
  return site.projection === "proj-out" || site.projection === "ff-out"
}
