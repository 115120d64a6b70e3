import { type AdamWOptions, type AdamWState, adamWFactors } from "@lllite/core/training"
import type { Tensor } from "@tensorflow/tfjs-core"
import { floatWord, type KernelSource } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import { openGpu } from "../gpu.ts"
import { wgslModule } from "../wgsl/module.ts"

/** AdamW over one flat parameter that stays on the device. */
export interface WebgpuAdamW {
  /**
   * One update, in one dispatch. gradients: on the same device, as many values as the parameters have, in their order
   *
   * @throws WebgpuOpsError if they are not as many; CoreError when an option is out of range
   */
  step(gradients: Tensor, options: AdamWOptions): void
  /** The parameters and the state as they are now, to be saved. @throws WebgpuDeviceError if the device is lost */
  read(): Promise<{ readonly parameters: Float32Array; readonly state: AdamWState }>
  /** Gives what it holds back to the device. */
  dispose(): void
}

/**
 * Copies parameters and the state of their optimiser to the device in use. From the result of `read`, updates continue
 * bit for bit on the same device. They are computed in float32. `stepAdamW` of core computes in float64 and rounds what
 * it stores.
 *
 * Source: Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2.
 *
 * @throws WebgpuOpsError if the arrays differ in length, or the backend in use was not started by `startWebgpu`;
 * WebgpuLimitError if they are too long to bind
 */
export function createWebgpuAdamW(parameters: Float32Array, state: AdamWState): WebgpuAdamW {
  const gpu = openGpu()
  const count = parameters.length
  for (const [name, { length }] of Object.entries({ m: state.m, v: state.v })) {
    if (length !== count) throw new WebgpuOpsError(`AdamW: ${name} has ${length} values, the parameters have ${count}`)
  }
  let { step } = state
  const buffers: GPUBuffer[] = []
  const dispose = (): void => {
    for (const buffer of buffers.splice(0)) gpu.release(buffer)
  }
  try {
    for (const [name, { buffer, byteOffset, byteLength }] of Object.entries({ parameters, m: state.m, v: state.v })) {
      buffers.push(gpu.upload(`AdamW's ${name}`, new Uint8Array(buffer, byteOffset, byteLength)))
    }
  } catch (error) {
    dispose()
    throw error
  }
  return {
    step(gradients, options) {
      if (gradients.size !== count) {
        throw new WebgpuOpsError(`AdamW: ${gradients.size} gradients, expected one for each of ${count} parameters`)
      }
      if (buffers.length === 0) throw new WebgpuOpsError("AdamW: it was disposed; create it anew")
      const { beta1, beta2, epsilon, decay, stepSize, correction } = adamWFactors(step + 1, options)
      const factors = [1 - beta1, beta2, 1 - beta2, epsilon, decay, stepSize, 1 / correction]
      gpu.run(UPDATE, [gradients, ...buffers], [count, ...factors.map(floatWord)], Math.ceil(count / THREADS))
      step += 1
    },

    async read() {
      if (buffers.length === 0) throw new WebgpuOpsError("AdamW: it was disposed; create it anew")
      const at = step
      const [values, m, v] = (await Promise.all(buffers.map((buffer) => gpu.download(buffer)))).map(
        ({ buffer }) => new Float32Array(buffer, 0, count),
      ) as [Float32Array, Float32Array, Float32Array]
      return { parameters: values, state: { step: at, m, v } }
    },

    dispose,
  }
}

const THREADS = 256

const UPDATE: KernelSource = {
  key: "AdamW",
  code: () =>
    wgslModule({
      params: [
        "count",
        ...["fresh", "beta2", "freshSquare", "epsilon", "decay", "stepSize", "correction"].map(
          (name) => `${name}: f32`,
        ),
      ],
      reads: { gradients: "f32" },
      writes: { parameters: "f32", means: "f32", squares: "f32" },
      threads: THREADS,
      main: `let i = group * ${THREADS}u + local;
if (i >= p.count) { return; }
let gradient = gradients[i];
let mean = means[i] + p.fresh * (gradient - means[i]);
let square = p.beta2 * squares[i] + p.freshSquare * gradient * gradient;
means[i] = mean;
squares[i] = square;
parameters[i] = p.decay * parameters[i] - p.stepSize * mean / (sqrt(square) * p.correction + p.epsilon);`,
    }),
}
