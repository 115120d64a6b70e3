import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { signal } from "../reference/synthetic.ts"
import { vectorDimOf } from "../src/models/unet/config.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import type { UnetInput } from "../src/models/unet/unet.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import { createSyntheticUnet, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

/** A small U-Net on WASM, and the input of two samples at unlike timesteps. */
export interface UnetWithInput {
  readonly ops: Ops
  readonly params: UnetParams
  readonly input: UnetInput
  dispose(): void
}

export async function openSmallUnet(): Promise<UnetWithInput> {
  const ops = await startWasm()
  const params = await createSyntheticUnet(ops)
  const input: UnetInput = {
    latents: named("latents", [2, 8, 8, 4]) as Tensor4D,
    timesteps: [999, 20],
    context: named("context", [2, 7, SMALL_UNET.contextDim]) as Tensor3D,
    vector: named("vector", [2, vectorDimOf(SMALL_UNET)]) as Tensor2D,
  }
  const dispose = (): void => {
    disposeParams(params)
    tf.dispose([input.latents, input.context, input.vector])
  }
  return { ops, params, input, dispose }
}

/** A tensor whose values follow from its name. */
export function named(name: string, shape: number[]): Tensor {
  return tf.tensor(signal(name, shape), shape)
}
