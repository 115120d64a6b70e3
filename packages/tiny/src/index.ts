/**
 * The pictures that the embedded tiny SDXL was trained on: scenes of one or two coloured shapes, and their captions. A
 * judge says whether a picture shows what a caption asks for. The checkpoint itself is this package's file
 * `tiny-sdxl.safetensors`.
 */
export { distanceToShape, drawScene, type Picture } from "./draw.ts"
export { type FoundShape, findShapes, type Judgement, judge } from "./judge.ts"
export { type CurveFrame, type CurvePaths, curvePaths, runningMean } from "./loss-curve.ts"
export {
  type CaptionedDrawing,
  cannyThresholds,
  type DrawnPair,
  datasetOfPairs,
  heldOutDrawing,
  type PairDataset,
  type PairExample,
  trainingDrawing,
} from "./pairs.ts"
export {
  type ColourName,
  captionOf,
  colourNames,
  heldOutSeed,
  makeScene,
  palette,
  parseCaption,
  type Scene,
  type Shape,
  type ShapeKind,
  type ShapeWords,
  type SizeName,
  shapeKinds,
  trainingSeed,
} from "./scene.ts"
