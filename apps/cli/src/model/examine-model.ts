import type { UnetConfig } from "@lllite/core/models"
import { openPart, type SdxlPaths } from "@lllite/runtime-node"
import { checkCheckpoint } from "./checkpoint.ts"

/** The part of an option reader that is needed here. */
interface ModelReader<Checkpoint extends string> {
  examine<T>(keys: readonly (Checkpoint | "unet" | "vae")[], work: () => Promise<T>): Promise<T | null>
}

/** What is known of an SDXL by its files' headers. */
export interface ExaminedModel {
  /** The sizes of the U-Net. */
  readonly config: UnetConfig
  /** Whether all of its files can be used. */
  readonly isWhole: boolean
}

/**
 * Examines the files of an SDXL, each as the problem of its own option: a U-Net and a VAE that replace others, and the
 * checkpoint with those of them that can be used.
 *
 * @param key the option of the checkpoint
 * @param accept refuses a U-Net that does not suit. Throws an InputError
 * @returns null if the U-Net cannot be used
 */
export async function examineModel<Checkpoint extends string>(
  { examine }: ModelReader<Checkpoint>,
  key: Checkpoint,
  { checkpoint, unet, vae, ...paths }: SdxlPaths,
  accept: (config: UnetConfig) => void,
): Promise<ExaminedModel | null> {
  const usable = async (part: "unet" | "vae", path: string | undefined): Promise<boolean> => {
    if (path === undefined) return true
    const opened = await examine([part], async () => {
      await (await openPart(path, part)).close()
      return true
    })
    return opened === true
  }
  const [isUnet, isVae] = [await usable("unet", unet), await usable("vae", vae)]
  const config = await examine([key], async () => {
    const found = await checkCheckpoint({
      ...paths,
      checkpoint,
      ...(unet === undefined || !isUnet ? {} : { unet }),
      ...(vae === undefined || !isVae ? {} : { vae }),
    })
    accept(found)
    return found
  })
  return config === null || !isUnet ? null : { config, isWhole: isVae }
}
