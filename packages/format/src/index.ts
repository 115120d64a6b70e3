export type { Bytes, Floats } from "./arrays.ts"
export type { FormatErrorCode, FormatErrorPlace } from "./errors.ts"
export { FormatError } from "./errors.ts"
export type { LlliteFile, LlliteSite, ReadLlliteOptions } from "./lllite/read.ts"
export { llliteOf, readLllite } from "./lllite/read.ts"
export type { Site, SiteBlock, SiteProjection, SiteSection, SiteTable } from "./lllite/site.ts"
export { SITE_KEY_PREFIX, siteTable } from "./lllite/site.ts"
export type { AdapterDims, CondChannels, CondInput, SiteShape, SiteTensorName } from "./lllite/tensors.ts"
export {
  adapterParameterCount,
  CONTROL_LATENT_CHANNELS,
  conditionerKernels,
  dimsOf,
  isSiteTensorName,
  PICTURE_CHANNELS,
  siteParameterCount,
  siteTensorKey,
  siteTensorShapes,
} from "./lllite/tensors.ts"
export { LlliteError } from "./lllite-error.ts"
export type { NetworkLayer, NetworkName } from "./networks/layer.ts"
export { loraKey } from "./networks/lora-key.ts"
export type { TextBlockFigure, TextLayer, TextRole } from "./networks/text-layers.ts"
export { textBlockFigure } from "./networks/text-layers.ts"
export type {
  AttentionParts,
  ConvPart,
  ResPart,
  TransformerBlockParts,
  TransformerPart,
  UnetBlockParts,
  UnetFigure,
  UnetPart,
  UnetTree,
  UnetWidths,
} from "./networks/unet-figure.ts"
export { SDXL_WIDTHS, unetFigure } from "./networks/unet-figure.ts"
export type { UnetBlockName, UnetLayer, UnetRole, UnetSection } from "./networks/unet-layer.ts"
export type { UnetLayout } from "./networks/unet-layout.ts"
export { SDXL_LAYOUT, sameLayout } from "./networks/unet-layout.ts"
export type { UnetTable } from "./networks/unet-table.ts"
export { unetTable } from "./networks/unet-table.ts"
export { safeText } from "./safe-text.ts"
export type { Dtype, FloatDtype } from "./safetensors/dtype.ts"
export { DTYPE_BITS, isDtype, isReadableDtype, toFloat32 } from "./safetensors/dtype.ts"
export { parseHeader } from "./safetensors/header.ts"
export type { SafetensorsHeader, TensorInfo } from "./safetensors/header-contents.ts"
export type { SafetensorsFile } from "./safetensors/read.ts"
export { openSafetensors } from "./safetensors/read.ts"
export type { ByteSource, SourceLike } from "./source.ts"
export { fromBlob, fromBytes, readExactly, toSource } from "./source.ts"
