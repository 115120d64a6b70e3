import type { NodeReader } from "../node-rule.ts"
import type { Resize } from "../values.ts"

/** ComfyUI's methods of resizing. `bislerp` is for latents alone, and the last two are not. */
export const RESIZE_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "bislerp", "lanczos"] as const

const SIDE = { integer: true, min: 0, max: 65_536 } as const

/** How a node resizes: to a size, by a factor, or to an area. */
export function resizeOf(node: NodeReader): Resize {
  const method = node.choice("upscale_method", RESIZE_METHODS)
  if (node.has("scale_by")) return { method, factor: node.number("scale_by", { min: 0.01, max: 100 }) }
  if (node.has("megapixels")) return { method, megapixels: node.number("megapixels", { min: 0.01, max: 100 }) }
  const crop = node.choice("crop", ["disabled", "center"])
  return { method, width: node.number("width", SIDE), height: node.number("height", SIDE), crop }
}
