import type { OptionKind, OptionTable } from "@lllite/runtime-node/options"
import { choice, integer, taken } from "@lllite/runtime-node/options"
import type { BlockRange, SiteChoice } from "../sites.ts"
import { readBlocks, SITE_CHOICES } from "../sites.ts"

const BLOCKS: OptionKind<readonly BlockRange[] | undefined> = {
  arity: "one",
  valueName: "blocks",
  range: "input, middle, output, with numbers: input 4-5,middle,output 0",
  empty: undefined,
  read(raw) {
    const value = typeof raw === "string" ? readBlocks(raw) : null
    return value === null ? { expected: "blocks separated by commas, such as input 4-5,middle,output 0" } : { value }
  },
}

/** The layers that an LLLite changes. sd-scripts has constants in its source for them. */
export const SITES = {
  sites: choice(Object.keys(SITE_CHOICES) as SiteChoice[], {
    default: "default",
    help: "Layers that the LLLite changes. default is sd-scripts' choice: queries, keys and values on the way down and in the middle.",
  }),
  site_blocks: taken(BLOCKS, {
    nothing: [""],
    otherwise: "those of sites",
    help: "Blocks of the U-Net that have adapters, in place of those of sites.",
  }),
  site_max_transformer_block: integer({
    min: 0,
    max: 1000,
    otherwise: "all",
    help: "Highest number of a block in a transformer that has adapters, from 0.",
  }),
} satisfies OptionTable
