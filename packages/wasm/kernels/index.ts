// All functions work on the memory that the module was instantiated with, at addresses that come as arguments.
export { geglu, gegluGradient, gelu, geluGradient, reluGradient, swish, swishGradient } from "./activation"
export { attention, attentionGradient, attentionGradientScratch, attentionScratch } from "./attention"
export { convolve, convolveScratch } from "./convolution"
export { dense, denseGradient, denseGradientScratch, denseScratch } from "./dense"
export { groupNorm, groupNormGradient, groupNormScratch } from "./group-norm"
export { layerNorm, layerNormGradient } from "./layer-norm"
export { pack, packBackward, packedSize } from "./pack"
export { linear, linearScratch } from "./product"
