/**
 * Pictures without networks: what a page needs beside its worker. Nothing here loads TensorFlow.js.
 *
 * @module
 */
export { type CannyOptions, canny } from "../control/canny.ts"
export {
  type ChosenMeasure,
  CONTROL_MEASURES,
  type ControlMeasure,
  chooseMeasure,
  meanFollowing,
  type RealPair,
} from "../control/control-measures.ts"
export { type ControlShape, compareShapes, type PictureShape } from "../control/control-shape.ts"
export { type EdgeAgreement, edgeF1 } from "../control/edge-f1.ts"
export { gaussianBlur } from "../control/filters/gaussian-blur.ts"
export { type ResampleKernel, resample } from "../control/filters/resample.ts"
export { ridgeLines, ridges, thinLines } from "../control/filters/thin-lines.ts"
export { binaryMask, onWhite, type RgbaImage, showInpaintMask } from "../control/filters/transparency.ts"
export { parsePreprocessing, preprocessingText } from "../control/preprocessors/parse.ts"
export {
  checkPreprocessing,
  type Preprocessing,
  preprocess,
  preprocessorName,
  preprocessorOf,
  readPreprocessorValues,
} from "../control/preprocessors/preprocess.ts"
export type {
  Preprocessor,
  PreprocessorOption,
  PreprocessorOptionTable,
  PreprocessorValues,
} from "../control/preprocessors/preprocessor.ts"
export {
  PREPROCESSOR_NAMES,
  type PreprocessorName,
  type PreprocessorOptionName,
} from "../control/preprocessors/table.ts"
export { type ControlPreparation, controlPicture } from "../generation/control-picture.ts"
export {
  expectRgb,
  floatsToImage,
  type GreyImage,
  greyToRgb,
  imageToFloats,
  type RgbImage,
  rgbToGrey,
} from "../image.ts"
export { applyGamma, shiftHue } from "./colour.ts"
export { type CropBox, cropCentre, cropImage, mirrorImage } from "./crop.ts"
export { exifOrientation } from "./exif.ts"
export { fillMasked } from "./fill-masked.ts"
export { DEFAULT_FIT, FITS, type Fit, fitImage } from "./fit.ts"
export { maskOf } from "./mask.ts"
export {
  MOST_PICTURE_PIXELS,
  otherFormatHint,
  PICTURE_FORMATS,
  PICTURE_SIGNATURE_BYTES,
  type PictureFormat,
  pictureFormatOf,
} from "./picture-format.ts"
export { describeUnread, IMAGE_EXTENSIONS, isReadImage, isUnreadImage } from "./picture-names.ts"
export { PNG_SIGNATURE, type PngText, pngFile, pngRows, pngRowsWithAlpha } from "./png.ts"
export { type ResizeKernel, resizeImage, trainingKernel } from "./resize.ts"
