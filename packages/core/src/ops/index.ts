export { type ComposedOptions, createComposedOps } from "./composed/index.ts"
export type {
  AttentionOptions,
  Conv2dOptions,
  Conv2dWeight,
  DenseOptions,
  GroupNormOptions,
  LinearWeight,
  NormWeight,
  Ops,
  Padding,
  TableWeight,
  Weight,
  WeightLoader,
} from "./ops.ts"
export { selfCheck } from "./self-check.ts"
export { type Differentiable, vjp } from "./vjp.ts"
export { readEntryInto, type WeightEntry } from "./weight-entry.ts"
