import { checkArgument, checkChoice } from "../argument.ts"
import { PREDICTIONS, type Prediction } from "../diffusion/names.ts"
import { CoreError } from "../errors.ts"
import type { Ops } from "../ops/ops.ts"
import { disposeParams } from "../params.ts"
import type { TextEncoderConfig } from "./clip/config.ts"
import { inferText1Config, inferText2Config } from "./clip/config.ts"
import type { Tokenizer } from "./clip/tokenizer.ts"
import type { TextLoadOptions } from "./clip/weights.ts"
import { loadText1, loadText2 } from "./clip/weights.ts"
import { checkOps, checkTokenizer } from "./given.ts"
import type { SdxlFiles } from "./layouts/parts.ts"
import { isProjectionTransposed, partsOf } from "./layouts/parts.ts"
import { runAs } from "./run-as.ts"
import type { TextModel } from "./text.ts"
import type { BlockVerbs } from "./unet/block-verbs.ts"
import type { UnetConfig } from "./unet/config.ts"
import { inferUnetConfig } from "./unet/config.ts"
import type { UnetParams } from "./unet/params.ts"
import { loadUnet } from "./unet/weights.ts"
import type { VaeConfig } from "./vae/config.ts"
import { inferVaeConfig } from "./vae/config.ts"
import type { VaeParams } from "./vae/weights.ts"
import { loadVae } from "./vae/weights.ts"
import type { WeightFile } from "./weight-reader.ts"

/** All of SDXL on a device, with the ops that run it. */
export interface Sdxl extends TextModel {
  readonly ops: Ops
  readonly unet: UnetParams
  readonly vae: VaeParams
  /** The quantity that the U-Net was trained to predict. */
  readonly prediction: Prediction
  /** Whether its noise schedule is rescaled to zero terminal SNR. Default: false. */
  readonly zeroTerminalSnr?: boolean
  /** What of its files is not used or not followed, or was followed unasked. One sentence each. Default: none. */
  readonly notices?: readonly string[]
  /** How the runtime runs a block of the U-Net. Default: `composedBlocks`. */
  readonly blocks?: BlockVerbs
  dispose(): void
}

export interface LoadSdxlOptions extends TextLoadOptions {
  /** What the checkpoint predicts. Default: as its files say, or else `epsilon`. */
  readonly prediction?: Prediction | undefined
  /** How the runtime runs a block of the U-Net. Default: `composedBlocks`. */
  readonly blocks?: BlockVerbs
}

/**
 * Loads an SDXL of any width, from a checkpoint in one file or from files of its parts. For the layouts see `partsOf`.
 *
 * @throws CoreError that names every missing tensor, or the parts that do not fit each other
 */
export async function loadSdxl(
  ops: Ops,
  files: WeightFile | SdxlFiles,
  tokenizer: Tokenizer,
  options: LoadSdxlOptions = {},
): Promise<Sdxl> {
  checkOps("SDXL", ops)
  checkTokenizer("SDXL", tokenizer)
  checkArgument("SDXL: the options", options, "an object")
  checkChoice("SDXL", "prediction", options.prediction, PREDICTIONS)
  const { unet, vae, text1, text2 } = partsOf(files)
  const configs = { text1: inferText1Config(text1), text2: inferText2Config(text2) }
  expectFit(inferUnetConfig(unet), unet.label, configs, inferVaeConfig(vae))
  const parts = {
    text1: await loadText1(text1, ops.load, configs.text1),
    text2: await loadText2(text2, ops.load, configs.text2, isProjectionTransposed(text2) ? {} : options),
    unet: await loadUnet(unet, ops.load),
    vae: await loadVae(vae, ops.load),
  }
  const { blocks } = options
  return {
    ...{ ...parts, ops, tokenizer, ...runAs(unet, options.prediction) },
    ...(blocks === undefined ? {} : { blocks }),
    dispose: () => disposeParams(parts),
  }
}

/** Checks that the parts fit each other. Parts of different models may be complete and still not fit. */
function expectFit(
  unet: UnetConfig,
  label: string,
  { text1, text2 }: { readonly text1: TextEncoderConfig; readonly text2: TextEncoderConfig },
  vae: VaeConfig,
): void {
  const expect = (what: string, got: number | null, wanted: number): void => {
    if (got !== wanted)
      throw new CoreError("checkpoint-mixed", `${label}: its U-Net needs ${what} of width ${wanted}, got ${got}`)
  }
  expect("a text context", text1.width + text2.width, unet.contextDim)
  expect("a pooled text", text2.projection, unet.pooledDim)
  expect("latents", vae.latentChannels, unet.outChannels)
}
