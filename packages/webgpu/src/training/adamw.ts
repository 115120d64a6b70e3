import { checkArgument, checkGiven } from "@lllite/core/names"
import type { AdamWSettings, LoadOptimizer, OptimizerState } from "@lllite/core/training"
import { adamWFactors, loadOptimizer, memoryOf, OPTIMIZERS, settingsOf } from "@lllite/core/training"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { floatWord, type KernelSource } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import { openGpu } from "../gpu.ts"
import { wgslModule } from "../wgsl/module.ts"

/** AdamW over one flat list of values that stays on the device. */
export interface WebgpuAdamW {
  /**
   * One update, in one dispatch. gradients: on the same device, one for each value, in the values' order
   *
   * @param beta1 replaces that of the settings in this update
   * @throws WebgpuOpsError for another number of gradients; CoreError when the learning rate is out of range
   */
  step(gradients: Tensor, learningRate: number, beta1?: number): void
  /** Reads the current values. @throws WebgpuDeviceError if the device is lost */
  read(): Promise<Float32Array>
  /** Reads the current state, to save it. @throws WebgpuDeviceError if the device is lost */
  save(): Promise<OptimizerState>
  /** Frees its buffers. */
  dispose(): void
}

/**
 * Copies values and the state of their optimiser to the device in use. From the results of `read` and `save`, updates
 * continue bit for bit on the same device. Updates are computed in float32. AdamW of core computes in float64 and
 * rounds stored values.
 *
 * Source: Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2.
 *
 * @throws CoreError if the state does not fit the values; WebgpuOpsError if the backend in use was not started by
 * `startWebgpu`; WebgpuLimitError if the arrays are too long to bind
 */
export function createWebgpuAdamW(values: Float32Array, state: OptimizerState, settings: AdamWSettings): WebgpuAdamW {
  checkArgument("adamw: the values", values, "a list of numbers")
  checkGiven("adamw: the state", state, "tensors", "initOptimizer")
  checkArgument("adamw: the settings", settings, "an object")
  const gpu = openGpu()
  const count = values.length
  const { m, v } = memoryOf(OPTIMIZERS.adamw, { values, parts: [] }, state, settings).lists
  const arrays = { values, m, v }
  let { step } = state
  const buffers: GPUBuffer[] = []
  const dispose = (): void => {
    for (const buffer of buffers.splice(0)) gpu.release(buffer)
  }
  try {
    for (const [name, { buffer, byteOffset, byteLength }] of Object.entries(arrays)) {
      buffers.push(gpu.upload(`AdamW's ${name}`, new Uint8Array(buffer, byteOffset, byteLength)))
    }
  } catch (error) {
    dispose()
    throw error
  }
  const download = async (which: readonly GPUBuffer[]): Promise<readonly Float32Array[]> => {
    if (buffers.length === 0) throw new WebgpuOpsError("disposed", "AdamW: it was disposed. Create it anew.")
    const bytes = await Promise.all(which.map((buffer) => gpu.download(buffer)))
    return bytes.map(({ buffer }) => new Float32Array(buffer, 0, count))
  }
  return {
    step(gradients, learningRate, momentum = settings.beta1) {
      if (gradients.size !== count) {
        throw new WebgpuOpsError(
          "gradient-count",
          `AdamW: ${gradients.size} gradients, expected one for each of ${count} values`,
        )
      }
      if (buffers.length === 0) throw new WebgpuOpsError("disposed", "AdamW: it was disposed. Create it anew.")
      const { beta1, beta2, epsilon, decay, stepSize, correction } = adamWFactors(step + 1, learningRate, {
        ...settings,
        beta1: momentum,
      })
      const factors = [1 - beta1, beta2, 1 - beta2, epsilon, decay, stepSize, 1 / correction]
      gpu.run(UPDATE, [gradients, ...buffers], [count, ...factors.map(floatWord)], Math.ceil(count / THREADS))
      step += 1
    },

    async read() {
      const [found] = await download(buffers.slice(0, 1))
      return found as Float32Array
    },

    async save() {
      const at = step
      if (at === 0 && buffers.length > 0) return { name: "adamw", step: at, tensors: {} }
      const [m, v] = await download(buffers.slice(1))
      return { name: "adamw", step: at, tensors: { m: m as Float32Array, v: v as Float32Array } }
    },

    dispose,
  }
}

/**
 * Creates an optimiser on the device in use, if it is AdamW without AMSGrad. All others compute on the calling thread.
 *
 * @throws as {@link createWebgpuAdamW} and `loadOptimizer` of core
 */
export const loadWebgpuOptimizer: LoadOptimizer = (values, state, choice, parts) => {
  checkArgument("optimizer", choice, "an object")
  if (choice.name !== "adamw" || choice.amsgrad === true) return loadOptimizer(values, state, choice, parts)
  const { name, ...options } = choice
  const adamW = createWebgpuAdamW(values, state, settingsOf(OPTIMIZERS[name], options))
  return {
    async step(gradients, learningRate, momentum) {
      const onDevice = tf.tensor1d(gradients)
      try {
        adamW.step(onDevice, learningRate, momentum)
      } finally {
        onDevice.dispose()
      }
      values.set(await adamW.read())
    },
    save: () => adamW.save(),
    dispose: () => adamW.dispose(),
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
