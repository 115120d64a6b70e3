import { readImage, withPath } from "@lllite/runtime-node"
import type { OptionReader } from "@lllite/runtime-node/options"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { checkCheckpoint } from "../model/checkpoint.ts"
import { sdxlPaths } from "../model/runtime-options.ts"
import type { GENERATE_OPTIONS } from "./options.ts"

/** Examines the files of a generation. The reader keeps the problems. Nothing is loaded: that takes long. */
export async function examineGeneration({ settings, examine }: OptionReader<typeof GENERATE_OPTIONS>): Promise<void> {
  await examine(["ckpt", "vae", "unet"], () => checkCheckpoint(sdxlPaths(settings.ckpt, settings)))
  for (const path of settings.controlNetLlliteModels) {
    await examine(["controlNetLlliteModels"], () => withPath(path, openLllite))
  }
  for (const path of settings.guideImagePath) await examine(["guideImagePath"], () => readImage(path))
}
