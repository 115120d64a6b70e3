/**
 * The networks: U-Net, text encoders, VAE and LLLite, and how files become their parameters.
 *
 * @module
 * @experimental
 */
export { bytesOf, disposeParams, type ParamsTree, weightsOf } from "../params.ts"
export type { TextEncoderConfig } from "./clip/config.ts"
export { CONTEXT_LENGTH, joinedPositions, promptChunks, promptIds } from "./clip/prompt.ts"
export { encodeText, type TextEncoding } from "./clip/text-encoder.ts"
export { createTokenizer, type Tokenizer } from "./clip/tokenizer.ts"
export type { TextEncoderParams, TextLoadOptions } from "./clip/weights.ts"
export { partsOf, type SdxlFiles, unetOf, vaeOf } from "./layouts/parts.ts"
export {
  type ControlShare,
  chainAtSite,
  llliteAtSite,
  type PreparedControl,
  prepareControl,
  sumAtSite,
} from "./lllite/adapter.ts"
export type { ControlImages } from "./lllite/conditioner.ts"
export { type AdapterPlan, type LlliteModel, layOutSlots, type Slot } from "./lllite/layout.ts"
export { type CreateLlliteOptions, createLllite, fileTensor, readLlliteModel } from "./lllite/model.ts"
export { type AdapterParams, disposeLllite, type LlliteParams, uploadLllite } from "./lllite/params.ts"
export {
  conditionVector,
  encodePrompts,
  type LoadSdxlOptions,
  loadSdxl,
  type Sdxl,
  type TextCondition,
  type TextModel,
} from "./sdxl.ts"
export { type AtSite, type Grid, identityAtSite } from "./unet/at-site.ts"
export { inferUnetConfig, SDXL_UNET, type UnetConfig } from "./unet/config.ts"
export type { UnetParams } from "./unet/params.ts"
export { type UnetInput, type UnetOptions, unet } from "./unet/unet.ts"
export { loadUnet } from "./unet/weights.ts"
export { inferVaeConfig, LATENT_SCALE, SDXL_VAE, VAE_FACTOR, type VaeConfig } from "./vae/config.ts"
export type { VaePicture } from "./vae/slice-sizes.ts"
export { decodeLatents, encodeImage, latentsOf, type Posterior, type VaeOptions } from "./vae/vae.ts"
export { loadVae, type VaeParams } from "./vae/weights.ts"
export type { WeightFile } from "./weight-reader.ts"
