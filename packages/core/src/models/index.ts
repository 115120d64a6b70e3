/**
 * The networks (U-Net, text encoders, VAE and LLLite), and the loading of their parameters from files.
 *
 * @module
 * @experimental
 */
export { bytesOf, disposeParams, type ParamsTree, weightsOf } from "../params.ts"
export { cutCaptionNotices, isCutCaption } from "./clip/caption-length.ts"
export { captionTokens } from "./clip/caption-tokens.ts"
export { inferText1Config, inferText2Config, type TextEncoderConfig } from "./clip/config.ts"
export { CONTEXT_LENGTH, joinedPositions, promptChunks, promptIds } from "./clip/prompt.ts"
export { promptNotices } from "./clip/prompt-notices.ts"
export { type EncodeTextOptions, encodeText, type TextEncoding } from "./clip/text-encoder.ts"
export { readTextualInversion, type TextualInversion, withInversions } from "./clip/textual-inversion.ts"
export { createTokenizer, type Tokenizer } from "./clip/tokenizer.ts"
export type { TextEncoderParams, TextLoadOptions, TextProjection } from "./clip/weights.ts"
export { type ControlNetOptions, controlNet } from "./controlnet/controlnet.ts"
export { embedHint } from "./controlnet/hint.ts"
export type { ControlNetParams } from "./controlnet/params.ts"
export type { ControlNetResiduals } from "./controlnet/residuals.ts"
export { loadControlNet } from "./controlnet/weights.ts"
export { isProjectionTransposed, joinedParts, partsOf, type SdxlFiles, unetOf, vaeOf } from "./layouts/parts.ts"
export {
  type ControlShare,
  llliteTap,
  type PreparedControl,
  prepareControl,
} from "./lllite/adapter.ts"
export type { ControlImages } from "./lllite/conditioner.ts"
export { type AdapterPlan, type LlliteModel, layOutSlots, type Slot } from "./lllite/layout.ts"
export { type CreateLlliteOptions, createLllite, fileTensor, llliteNotices, readLlliteModel } from "./lllite/model.ts"
export { type AdapterParams, disposeLllite, type LlliteParams, uploadLllite } from "./lllite/params.ts"
export { LORA_BLOCKS, type LoraBlockName, type LoraBlocks, parseBlockWeights } from "./lora/block-weights.ts"
export { isDora } from "./lora/file-modules.ts"
export { type LiveLora, type LoraStrength, loadLiveLora, loraTap } from "./lora/live-lora.ts"
export { type LoraUse, type MergedParts, mergeLoras } from "./lora/merged-parts.ts"
export { type MadeUpDtype, madeUpEntries, madeUpSdxl } from "./made-up.ts"
export { type LoadSdxlOptions, loadSdxl, type Sdxl } from "./sdxl.ts"
export { type Strength, type StrengthPlace, strengthsAt } from "./strength.ts"
export {
  chainTaps,
  type Grid,
  NO_TAP,
  type Pass,
  sumTaps,
  type Tap,
  type TapPlace,
  UNKNOWN_PASS,
} from "./taps.ts"
export {
  conditionVector,
  countChunks,
  encodePrompts,
  encodeWeightedPrompts,
  type TextCondition,
  type TextModel,
  type WeightedPromptOptions,
} from "./text.ts"
export { type BlockInput, type BlockVerbs, composedBlocks, type KeptBlock } from "./unet/block-verbs.ts"
export type { BlockContext } from "./unet/blocks.ts"
export { inferUnetConfig, SDXL_UNET, type UnetConfig } from "./unet/config.ts"
export { createFeatureCache, type FeatureCache } from "./unet/feature-cache.ts"
export type { UnetBlock, UnetParams } from "./unet/params.ts"
export { createTextKeyCache, type TextKeyCache, type TextKeys } from "./unet/text-keys.ts"
export { type UnetInput, type UnetOptions, unet } from "./unet/unet.ts"
export type { Residuals } from "./unet/walk.ts"
export { loadUnet } from "./unet/weights.ts"
export { inferVaeConfig, LATENT_SCALE, SDXL_VAE, VAE_FACTOR, type VaeConfig } from "./vae/config.ts"
export type { VaePicture } from "./vae/slice-sizes.ts"
export { decodeLatents, encodeImage, latentsOf, type Posterior, type VaeOptions } from "./vae/vae.ts"
export { loadVae, type VaeParams } from "./vae/weights.ts"
export type { WeightFile } from "./weight-reader.ts"
