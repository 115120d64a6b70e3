// Everything here works on the memory that it is given by whoever instantiates it, at addresses that come as arguments.
export { geglu, gegluGradient, gelu, geluGradient, reluGradient, swish, swishGradient } from "./activation"
export { attention, attentionGradient, attentionGradientScratch, attentionScratch } from "./attention"
export { dense, denseGradient, denseGradientScratch } from "./dense"
export { groupNorm, groupNormGradient, groupNormScratch } from "./group-norm"
export { layerNorm, layerNormGradient } from "./layer-norm"
