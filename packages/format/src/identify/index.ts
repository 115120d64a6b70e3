export {
  CONTROL_TYPE_NAMES,
  CONTROL_TYPES,
  type ControlType,
  controlTypeProblem,
  controlTypesOf,
} from "../controlnet/control-types.ts"
export { type ControlNetFile, expectControlNet, readControlNet } from "../controlnet/read.ts"
export { type ControlNetUnion, UNION_BLOCKS, UNION_TASKS, UNION_TYPE_DIM, unionShapes } from "../controlnet/union.ts"
export type { ControlNetFigure, ControlNetLayer, ControlNetLayout } from "../networks/controlnet-figure.ts"
export { controlNetFigure } from "../networks/controlnet-figure.ts"
export { type CheckpointTraits, readCheckpointTraits, SCHEDULER_KEY, type TraitSource } from "./checkpoint-traits.ts"
export { type ControlFileKind, controlFileKind } from "./control-file.ts"
export { expectLllite } from "./expect-lllite.ts"
export type { FileIdentity } from "./identify.ts"
export { identify } from "./identify.ts"
export type { BaseModel, FileKind } from "./kind-rules.ts"
export { describesPacking, scaleNameOf } from "./quantisation.ts"
