import type { SiteSelection } from "./selection.ts"
import { DEFAULT_SELECTION } from "./selection.ts"

/** Selections with a name, one or two constants of the reference away from the default. */
export const NAMED_SELECTIONS = Object.freeze({
  default: DEFAULT_SELECTION,
  outputBlocks: variant({ outputBlocks: true }),
  noInputBlocks: variant({ inputBlocks: false }),
  outputBlocksOnly: variant({ inputBlocks: false, outputBlocks: true }),
  attentionAll: variant({ qkvOnly: false }),
  attentionAllOutputBlocks: variant({ qkvOnly: false, outputBlocks: true }),
  transformerAll: variant({ attentionOnly: false }),
  transformerAllOutputBlocks: variant({ attentionOnly: false, outputBlocks: true }),
  attn1Etc: variant({ attentionOnly: false, attn1Etc: true }),
  attn1EtcOutputBlocks: variant({ attentionOnly: false, attn1Etc: true, outputBlocks: true }),
  convToo: variant({ transformerOnly: false, attentionOnly: false }),
  convTooOutputBlocks: variant({ transformerOnly: false, attentionOnly: false, outputBlocks: true }),
})

/** Name of one of {@link NAMED_SELECTIONS}. */
export type SelectionName = keyof typeof NAMED_SELECTIONS

function variant(change: Partial<SiteSelection>): SiteSelection {
  return Object.freeze({ ...DEFAULT_SELECTION, ...change })
}
