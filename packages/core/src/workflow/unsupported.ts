import type { GraphNode } from "./graph.ts"
import { nodeName } from "./graph.ts"

/** What nodes that are often used do, by the beginnings of their classes, and what to do instead. */
const REASONS: readonly (readonly [type: RegExp, reason: string])[] = [
  [/^FreeU/, "changes features of the U-Net"],
  [/^(HyperTile|SelfAttentionGuidance|PerturbedAttention|PAG|SkipLayerGuidance|APG)/, "changes attention or guidance"],
  [/^PatchModelAddDownscale/, "shrinks features. Use --ds_depth_1 instead"],
  [/^IPAdapter|^(CLIPVision|unCLIP)/, "needs a vision encoder"],
  [/^(UpscaleModelLoader|ImageUpscaleWithModel)/, "enlarges with a network. Use Upscale Image instead"],
  [/^Conditioning(SetArea|SetMask|SetProperties|Average)/, "gives a prompt a region or a share"],
  [/^(Dual|Triple)?CLIPLoader/, "loads text encoders alone. Use Load Checkpoint with an SDXL that has them"],
  [
    /^(TimestepKeyframe|LatentKeyframe|ScaledSoft|SoftControlNet|ACN_|CustomControlNet)/,
    "is a schedule. Use start_percent and end_percent",
  ],
  [/^(UltimateSDUpscale|Efficient|KSampler \(Efficient|Eff\. Loader)/, "is several nodes in one. Use ComfyUI's own"],
]

/** Names the nodes that cannot be followed, all at once, with the way out. */
export function unsupportedNodes(nodes: readonly GraphNode[]): string {
  const names = nodes.map((node) => {
    const reason = REASONS.find(([type]) => type.test(node.type))?.[1]
    return reason === undefined ? nodeName(node) : `${nodeName(node)} (it ${reason})`
  })
  const what = nodes.length === 1 ? "is a node that is" : "are nodes that are"
  return `there ${what} not supported: ${names.join(", ")}. Bypass what the picture can do without (Ctrl+B in ComfyUI), and save the workflow again. docs/guides/comfyui.md lists the nodes that are followed`
}
