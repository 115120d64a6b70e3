import { WebgpuOpsError } from "../errors.ts"
import { spreadGroups } from "./limits.ts"

/** A kernel to compile. Kernels with the same key have the same code. */
export interface KernelSource {
  /** The name of the kernel, with everything that its code depends on. */
  readonly key: string
  /** WGSL with an entry point `main`. Binding 0 is the uniform of its parameters, then come its buffers. */
  readonly code: () => string
}

/** Records this package's kernels and submits them together. */
export interface Commands {
  /**
   * Records one dispatch.
   *
   * @param params the values of the kernel's uniform, as 32-bit words
   * @param groups the number of workgroups, which are spread over two dimensions if necessary
   * @throws WebgpuLimitError for too many groups
   */
  record(kernel: KernelSource, buffers: readonly GPUBuffer[], params: readonly number[], groups: number): void
  /** Submits the recorded commands to the device, in order. */
  submit(): void
  dispose(): void
}

/** Dispatches before a submit. With more, the device waits for work. With fewer, the cost of submits grows. */
const BATCH = 32

/** The number of parameter blocks to keep, because the shapes of a model repeat. */
const MAX_UNIFORMS = 4096

/** @param before submits the commands of others, which have to run first */
export function createCommands(device: GPUDevice, before: () => void): Commands {
  const pipelines = new Map<string, GPUComputePipeline>()
  const uniforms = new Map<string, GPUBuffer>()
  let encoder: GPUCommandEncoder | null = null
  let pass: GPUComputePassEncoder | null = null
  let recorded = 0

  const pipelineOf = ({ key, code }: KernelSource): GPUComputePipeline => {
    let pipeline = pipelines.get(key)
    if (pipeline === undefined) {
      const module = device.createShaderModule({ label: key, code: code() })
      pipeline = device.createComputePipeline({ label: key, layout: "auto", compute: { module, entryPoint: "main" } })
      pipelines.set(key, pipeline)
    }
    return pipeline
  }

  const uniformOf = (params: readonly number[]): GPUBuffer => {
    const key = params.join()
    let buffer = uniforms.get(key)
    if (buffer === undefined) {
      if (uniforms.size >= MAX_UNIFORMS) {
        submit()
        for (const old of uniforms.values()) old.destroy()
        uniforms.clear()
      }
      const words = new Uint32Array(4 * Math.ceil(params.length / 4))
      words.set(params)
      buffer = device.createBuffer({ size: words.byteLength, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
      device.queue.writeBuffer(buffer, 0, words)
      uniforms.set(key, buffer)
    }
    return buffer
  }

  const submit = (): void => {
    if (encoder === null || pass === null) return
    pass.end()
    device.queue.submit([encoder.finish()])
    encoder = pass = null
    recorded = 0
  }

  return {
    record(kernel, buffers, params, groups) {
      if (groups < 1) throw new WebgpuOpsError("empty-dispatch", `${kernel.key}: nothing to compute`)
      const [x, y] = spreadGroups(kernel.key, groups)
      const pipeline = pipelineOf(kernel)
      const uniform = uniformOf(params)
      before()
      encoder ??= device.createCommandEncoder()
      pass ??= encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(
        0,
        device.createBindGroup({
          layout: pipeline.getBindGroupLayout(0),
          entries: [uniform, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
        }),
      )
      pass.dispatchWorkgroups(x, y)
      recorded += 1
      if (recorded >= BATCH) submit()
    },
    submit,
    dispose() {
      submit()
      for (const buffer of uniforms.values()) buffer.destroy()
      uniforms.clear()
      pipelines.clear()
    },
  }
}

const view = new DataView(new ArrayBuffer(4))

/** A float32 as a 32-bit word of a uniform. */
export function floatWord(value: number): number {
  view.setFloat32(0, value, true)
  return view.getUint32(0, true)
}
