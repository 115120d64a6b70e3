export { type CannyOptions, canny } from "./control/canny.ts"
export { type EdgeAgreement, edgeF1 } from "./control/edge-f1.ts"
export * from "./diffusion/index.ts"
export { CoreError } from "./errors.ts"
export {
  type AdapterUse,
  type GenerateEvent,
  type GenerateOptions,
  generate,
  type PictureRequest,
} from "./generate.ts"
export { cropCentre } from "./image/crop.ts"
export { type ResizeKernel, resizeImage, trainingKernel } from "./image/resize.ts"
export { floatsToImage, type GreyImage, greyToRgb, imageToFloats, type RgbImage, rgbToGrey } from "./image.ts"
export * from "./memory/index.ts"
export * from "./models/index.ts"
export type { NoiseName } from "./noise-source.ts"
export * from "./ops/index.ts"
export { bytesOf, disposeParams, type ParamsTree, weightsOf } from "./params.ts"
export { createStream, type DrawPosition, normalRows, type RandomStream } from "./random/stream.ts"
export { createTorchGenerator, type TorchGenerator, type TorchGeneratorName } from "./random/torch.ts"
export * from "./training/index.ts"
