// Everything here works on the memory that it is given by whoever instantiates it, at addresses that come as arguments.
export { geglu, gegluGradient, gelu, geluGradient, reluGradient, swish, swishGradient } from "./activation"
export { attention, attentionGradient, attentionGradientScratch, attentionScratch } from "./attention"
export { convolve, convolveScratch } from "./convolution"
export { dense, denseGradient, denseGradientScratch, denseScratch } from "./dense"
export { groupNorm, groupNormGradient, groupNormScratch } from "./group-norm"
export { layerNorm, layerNormGradient } from "./layer-norm"
export { pack, packedSize, turn } from "./pack"
export { linear, linearScratch } from "./product"
