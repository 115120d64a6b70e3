import type { GraphNode } from "./graph.ts"
import { nodeName } from "./graph.ts"

/** What nodes that are often used do, by the beginnings of their classes, and what to do instead. */
const REASONS: readonly (readonly [type: RegExp, reason: string])[] = [
  [/^FreeU/, "changes features of the U-Net"],
  [/^(HyperTile|SelfAttentionGuidance|PerturbedAttention|PAG|SkipLayerGuidance|APG)/, "changes attention or guidance"],
  [/^PatchModelAddDownscale/, "shrinks features. Use --ds_depth_1 instead"],
  [/^IPAdapter|^(CLIPVision|unCLIP)/, "needs a vision encoder"],
  [/^(UpscaleModelLoader|ImageUpscaleWithModel)/, "enlarges with a network. Use Upscale Image instead"],
  [/^(Conditioning|PairConditioning)Set(Default|Properties)/, "is of hooks, which change prompts by step"],
  [/^(Dual|Triple)?CLIPLoader/, "loads text encoders alone. Use Load Checkpoint with an SDXL that has them"],
  [
    /^(LatentKeyframeBatchedGroup|ACN_TimestepKeyframeFromStrengthList)/,
    "takes a list of another node. Use Timestep Keyframe or Latent Keyframe nodes",
  ],
  [
    /^(ScaledSoft|SoftControlNet|ACN_.*Weights|CustomControlNet|SoftT2I|CustomT2I)/,
    "weighs blocks, which LLLites do not have in Advanced-ControlNet. Use Scaled Soft Weights or none",
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
