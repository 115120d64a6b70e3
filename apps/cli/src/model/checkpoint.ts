import type { Prediction } from "@lllite/core/diffusion"
import type { UnetConfig } from "@lllite/core/models"
import { inferUnetConfig } from "@lllite/core/models"
import type { SdxlPaths } from "@lllite/runtime-node"
import { openSdxl } from "@lllite/runtime-node"

/**
 * Checks the headers of an SDXL's files, so that a wrong file is refused before the backend starts.
 *
 * @returns the sizes of the U-Net
 * @throws InputError when one cannot be read; FormatError when one is broken or of another kind; CoreError when a part
 * is missing
 */
export async function checkCheckpoint(paths: SdxlPaths): Promise<UnetConfig> {
  const { files, close } = await openSdxl(paths)
  await close()
  return inferUnetConfig(files.unet)
}

/**
 * What an SDXL predicts by its files: by what they say, and otherwise noise.
 *
 * @throws as {@link checkCheckpoint}
 */
export async function statedPrediction(paths: SdxlPaths): Promise<Prediction> {
  const { files, close } = await openSdxl(paths)
  await close()
  return files.unet.traits?.prediction ?? "epsilon"
}
