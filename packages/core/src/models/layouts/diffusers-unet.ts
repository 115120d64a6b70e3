import { SDXL_LAYOUT, unetTable } from "@lllite/format"
import type { Rename } from "./renames.ts"

/**
 * Renames diffusers' names of SDXL's U-Net (`UNet2DConditionModel`) to Stability's, without a prefix. It knows
 * `.weight` and `.bias` of every layer in the table of a U-Net. The names decide how many transformer blocks there are.
 *
 * @param has whether a tensor's name begins with `prefix`
 */
export function diffusersUnetRename(has: (prefix: string) => boolean): Rename {
  const depth = (attention: string): number => {
    let blocks = 0
    while (has(`${attention}.transformer_blocks.${blocks}.`)) blocks++
    return blocks
  }
  // Names do not depend on widths.
  const { byDiffusersPath } = unetTable({
    ...SDXL_LAYOUT,
    transformerDepth: [
      depth("down_blocks.0.attentions.0"),
      depth("down_blocks.1.attentions.0"),
      depth("down_blocks.2.attentions.0"),
    ],
    middleDepth: depth("mid_block.attentions.0"),
  })
  return (name) => {
    const dot = name.lastIndexOf(".")
    const layer = byDiffusersPath.get(name.slice(0, dot))
    return layer === undefined ? null : layer.path + name.slice(dot)
  }
}
