import type { Site, UnetLayout } from "@lllite/format"
import { FormatError } from "@lllite/format"
import type { SelectionName, SiteSelection } from "@lllite/format/selections"
import { enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"

/** Selections of sites by their names in `sites`. */
export const SITE_CHOICES = {
  default: "default",
  output: "outputBlocks",
  "output-only": "outputBlocksOnly",
  "no-input": "noInputBlocks",
  "all-attention": "attentionAll",
  "all-attention-output": "attentionAllOutputBlocks",
  transformer: "transformerAll",
  "transformer-output": "transformerAllOutputBlocks",
  "attn1-etc": "attn1Etc",
  "attn1-etc-output": "attn1EtcOutputBlocks",
  conv: "convToo",
  "conv-output": "convTooOutputBlocks",
} as const satisfies Readonly<Record<string, SelectionName>>

export type SiteChoice = keyof typeof SITE_CHOICES

/** Blocks of the U-Net: a part of it, from one number to another. */
export interface BlockRange {
  readonly section: Site["section"]
  /** Numbers of the blocks. Null: all of the part. The middle has one block. */
  readonly range: readonly [from: number, to: number] | null
}

/** The layers that an LLLite changes. */
export interface SitePlan {
  readonly choice: SiteChoice
  /** They replace the choice's own parts of the U-Net. Null: those of the choice. */
  readonly blocks: readonly BlockRange[] | null
  /** The highest number of a transformer's block. Null: all. */
  readonly maxTransformerBlock: number | null
}

/**
 * The sites of a plan.
 *
 * @throws FormatError when there are none, or none in one of the blocks
 */
export function sitesOf(layout: UnetLayout, { choice, blocks, maxTransformerBlock }: SitePlan): readonly Site[] {
  const selection: SiteSelection = { ...NAMED_SELECTIONS[SITE_CHOICES[choice]], maxTransformerBlock }
  if (blocks === null) return expectSites(enumerateSites(layout, selection), choice)
  const everywhere = enumerateSites(layout, { ...selection, inputBlocks: true, middle: true, outputBlocks: true })
  for (const range of blocks) {
    if (everywhere.some((site) => isIn(site, range))) continue
    const there = [...new Set(everywhere.map(({ block }) => block))]
    throw new FormatError(
      "selection",
      `site selection: no site of "${choice}" is in ${blockText(range)}. Blocks with such sites: ${there.join(", ")}.`,
    )
  }
  return everywhere.filter((site) => blocks.some((range) => isIn(site, range)))
}

function isIn({ section, blockIndex }: Site, { section: wanted, range }: BlockRange): boolean {
  return section === wanted && (range === null || (blockIndex >= range[0] && blockIndex <= range[1]))
}

function blockText({ section, range }: BlockRange): string {
  if (range === null) return section
  const [from, to] = range
  return from === to ? `${section} ${from}` : `${section} ${from}-${to}`
}

function expectSites(sites: readonly Site[], choice: SiteChoice): readonly Site[] {
  if (sites.length > 0) return sites
  throw new FormatError("selection", `site selection: "${choice}" has no sites in this U-Net. Choose others.`)
}

/** Reads blocks such as `input 4-5`, `output.0`, `middle`, separated by commas. Null for other text. */
export function readBlocks(text: string): readonly BlockRange[] | null {
  const parts = text.split(",").map((part) => {
    const [, section, from, to = from] =
      /^\s*(input|middle|output)(?:[\s._]*(?:blocks[._])?(\d{1,3})(?:\s*-\s*(\d{1,3}))?)?\s*$/i.exec(part) ?? []
    if (section === undefined) return null
    const name = section.toLowerCase() as Site["section"]
    if (from === undefined || to === undefined) return { section: name, range: null }
    const range = [Number(from), Number(to)] as const
    return name === "middle" || range[0] > range[1] ? null : { section: name, range }
  })
  return parts.some((part) => part === null) ? null : (parts as readonly BlockRange[])
}
