/**
 * Pictures without networks: what a page needs beside its worker. Nothing here loads TensorFlow.js.
 *
 * @module
 */
export { type CannyOptions, canny } from "../control/canny.ts"
export { type EdgeAgreement, edgeF1 } from "../control/edge-f1.ts"
export { floatsToImage, type GreyImage, greyToRgb, imageToFloats, type RgbImage, rgbToGrey } from "../image.ts"
export { cropCentre } from "./crop.ts"
export { type ResizeKernel, resizeImage, trainingKernel } from "./resize.ts"
