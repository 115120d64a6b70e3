/**
 * The ops that core needs from a backend, and an implementation from plain TensorFlow.js ops.
 *
 * @module
 * @experimental
 */
export { adapt, commonStrength } from "./adapt.ts"
export { type AdapterLayout, adapterLayout, adaptGroup } from "./adapt-group.ts"
export { checkedVerbs } from "./checked-verbs.ts"
export { createDenseStack } from "./composed/dense-stack.ts"
export { type ComposedOptions, createComposedOps } from "./composed/index.ts"
export { type FilterUse, filterTileBytes, filterTileSide, type TileSide } from "./filter-tiles.ts"
export {
  conv2dPlus,
  conv2dShift,
  groupNormBeside,
  layerNormBeside,
  linearEach,
  linearGeglu,
  linearPlus,
  selfAttention,
} from "./joined-verbs.ts"
export type {
  AdapterGroup,
  AdapterStrengths,
  AdapterTail,
  AttentionOptions,
  Conv2dOptions,
  Conv2dWeight,
  DenseOptions,
  DenseParams,
  DenseStack,
  GroupNormOptions,
  LinearWeight,
  NetworkPart,
  NormWeight,
  Ops,
  Padding,
  QueryKeyValue,
  RepeatedPass,
  StackSlopeOptions,
  TableWeight,
  Weight,
  WeightLoader,
} from "./ops.ts"
export { POOLED_BYTES, ROOM_BYTES, TRAINING_POOLED_BYTES, TRIMMED_BYTES } from "./ops.ts"
export { registerGradients } from "./register-gradients.ts"
export { selfCheck } from "./self-check.ts"
export { type SharedBuffers, shareBuffers, type TensorLife } from "./share-buffers.ts"
export { type Differentiable, type DifferentiableSeveral, vjp, vjpSeveral } from "./vjp.ts"
export { readEntryInto, type WeightEntry } from "./weight-entry.ts"
