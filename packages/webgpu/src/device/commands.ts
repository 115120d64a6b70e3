import { WebgpuOpsError } from "../errors.ts"
import type { Storage } from "../wgsl/module.ts"
import { spreadGroups } from "./limits.ts"

/** A kernel to compile. Kernels with the same key have the same code. */
export interface KernelSource {
  /** The name of the kernel, with everything that its code depends on. */
  readonly key: string
  /**
   * WGSL with an entry point `main`. Binding 0 is the uniform of its parameters, then come its buffers.
   *
   * @param storages of each buffer
   */
  readonly code: (storages: readonly Storage[]) => string
}

/** A buffer, or a part of one. */
export interface BoundBuffer extends GPUBufferBinding {
  readonly buffer: GPUBuffer
  /** Default: f32 */
  readonly storage?: Storage
}

/** Dispatches in order, to be recorded again. */
export interface Recording {
  readonly dispatches: readonly Dispatch[]
  /** All buffers that they bind. */
  readonly buffers: ReadonlySet<GPUBuffer>
  /** Parameters are kept for as long as this number is the commands' own. */
  readonly generation: number
}

interface Dispatch {
  readonly kernel: Pipeline
  readonly uniform: GPUBuffer
  readonly bound: readonly BoundBuffer[]
  readonly group: GPUBindGroup
  readonly x: number
  readonly y: number
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
  record(kernel: KernelSource, buffers: readonly BoundBuffer[], params: readonly number[], groups: number): void
  /** Copies a buffer, or a part of one, into another buffer of its size. */
  copy(from: BoundBuffer, to: GPUBuffer): void
  /** Collects all dispatches from now on. */
  startRecording(): void
  stopRecording(): Recording
  /** The number of dispatches that were collected. */
  readonly collected: number
  /**
   * A recording with other buffers of at least the same size in place of some.
   *
   * @param replacement of a buffer in a dispatch. Undefined: it stays.
   */
  rebind(recording: Recording, replacement: (buffer: GPUBuffer, dispatch: number) => GPUBuffer | undefined): Recording
  /** Whether a recording can run again. */
  isCurrent(recording: Recording): boolean
  /** Records all dispatches of a recording that is current. */
  repeat(recording: Recording): void
  /** Whether a command that is recorded, but not submitted, uses a buffer. */
  uses(buffer: GPUBuffer): boolean
  /** Submits the recorded commands to the device, in order. */
  submit(): void
  dispose(): void
}

/** Dispatches before a submit. With fewer, the cost of submits grows. */
const BATCH = 256

/** Dispatches before the first submit after a pause, when the device waits for work. */
const FIRST_BATCH = 32

/** The number of parameter blocks to keep, because the shapes of a model repeat. */
const MAX_UNIFORMS = 4096

/** The number of bind groups to keep. A pass of a model takes the buffers of the pass before it in the same order. */
const MAX_BIND_GROUPS = 16_384

/** A compiled kernel. */
interface Pipeline {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
  readonly number: number
}

/** @param before submits the commands of others, which have to run first */
export function createCommands(device: GPUDevice, before: () => void): Commands {
  const pipelines = new Map<string, Pipeline>()
  const uniforms = new Map<string, GPUBuffer>()
  const bindGroups = new Map<string, GPUBindGroup>()
  const numbers = new WeakMap<GPUBuffer, number>()
  let buffersSeen = 0
  let encoder: GPUCommandEncoder | null = null
  let pass: GPUComputePassEncoder | null = null
  /** The pipeline that is set in the pass. */
  let current: Pipeline | null = null
  let recorded = 0
  let batch = FIRST_BATCH
  /** Buffers of the recorded commands, and those of recordings among them. */
  const inUse = new Set<GPUBuffer>()
  const repeated = new Set<ReadonlySet<GPUBuffer>>()
  let recording: { dispatches: Dispatch[]; buffers: Set<GPUBuffer>; generation: number } | null = null
  let generation = 0

  const pipelineOf = ({ key: name, code }: KernelSource, buffers: readonly BoundBuffer[]): Pipeline => {
    const hasHalf = buffers.some(({ storage }) => storage === "f16")
    const key = hasHalf ? `${name}, stored in ${buffers.map(({ storage }) => (storage === "f16" ? 16 : 32))}` : name
    let known = pipelines.get(key)
    if (known === undefined) {
      const wgsl = code(buffers.map(({ storage = "f32" }) => storage))
      if (hasHalf && !wgsl.includes("enable f16;"))
        throw new WebgpuOpsError("dtype", `${name}: a tensor is stored in float16, expected float32`)
      const module = device.createShaderModule({ label: key, code: wgsl })
      const compute = { module, entryPoint: "main" }
      const pipeline = device.createComputePipeline({ label: key, layout: "auto", compute })
      known = { pipeline, layout: pipeline.getBindGroupLayout(0), number: pipelines.size }
      pipelines.set(key, known)
    }
    return known
  }

  const numberOf = (buffer: GPUBuffer): number => {
    let number = numbers.get(buffer)
    if (number === undefined) {
      number = buffersSeen++
      numbers.set(buffer, number)
    }
    return number
  }

  const bindGroupOf = (
    { layout, number }: Pipeline,
    uniform: GPUBuffer,
    buffers: readonly BoundBuffer[],
  ): GPUBindGroup => {
    let key = `${number} ${numberOf(uniform)}`
    for (const { buffer, offset, size } of buffers) {
      key += ` ${numberOf(buffer)}${size === undefined ? "" : `+${offset}:${size}`}`
    }
    let group = bindGroups.get(key)
    if (group === undefined) {
      if (bindGroups.size >= MAX_BIND_GROUPS) bindGroups.clear()
      group = device.createBindGroup({
        layout,
        entries: [{ buffer: uniform }, ...buffers].map((resource, binding) => ({ binding, resource })),
      })
      bindGroups.set(key, group)
    }
    return group
  }

  const uniformOf = (params: readonly number[]): GPUBuffer => {
    const key = params.join()
    let buffer = uniforms.get(key)
    if (buffer === undefined) {
      if (uniforms.size >= MAX_UNIFORMS) {
        submit()
        for (const old of uniforms.values()) old.destroy()
        uniforms.clear()
        bindGroups.clear()
        generation += 1
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
    if (encoder === null) return
    pass?.end()
    device.queue.submit([encoder.finish()])
    encoder = pass = current = null
    recorded = 0
    batch = FIRST_BATCH
    inUse.clear()
    repeated.clear()
  }

  const dispatch = ({ kernel, group, x, y }: Dispatch): void => {
    encoder ??= device.createCommandEncoder()
    pass ??= encoder.beginComputePass()
    if (kernel !== current) pass.setPipeline(kernel.pipeline)
    current = kernel
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(x, y)
    recorded += 1
  }

  const submitFull = (): void => {
    if (recorded < batch) return
    submit()
    batch = BATCH
  }

  return {
    record(kernel, buffers, params, groups) {
      if (groups < 1) throw new WebgpuOpsError("empty-dispatch", `${kernel.key}: nothing to compute`)
      const [x, y] = spreadGroups(kernel.key, groups)
      const known = pipelineOf(kernel, buffers)
      const uniform = uniformOf(params)
      const group = bindGroupOf(known, uniform, buffers)
      before()
      const one = { kernel: known, uniform, bound: buffers, group, x, y }
      dispatch(one)
      recording?.dispatches.push(one)
      for (const { buffer } of buffers) {
        inUse.add(buffer)
        recording?.buffers.add(buffer)
      }
      submitFull()
    },
    copy({ buffer: from, offset = 0, size = from.size }, to) {
      before()
      pass?.end()
      pass = current = null
      encoder ??= device.createCommandEncoder()
      encoder.copyBufferToBuffer(from, offset, to, 0, size)
      inUse.add(from).add(to)
    },
    startRecording() {
      recording = { dispatches: [], buffers: new Set(), generation }
    },
    stopRecording() {
      const made = recording
      recording = null
      return made ?? { dispatches: [], buffers: new Set(), generation }
    },
    get collected() {
      return recording?.dispatches.length ?? 0
    },
    rebind({ dispatches, generation }, replacement) {
      const used = new Set<GPUBuffer>()
      const rebound = dispatches.map((one, i) => {
        const bound = one.bound.map((part) => {
          const buffer = replacement(part.buffer, i)
          return buffer === undefined
            ? part
            : { ...part, buffer, offset: part.offset ?? 0, size: part.size ?? part.buffer.size }
        })
        for (const { buffer } of bound) used.add(buffer)
        return { ...one, bound, group: bindGroupOf(one.kernel, one.uniform, bound) }
      })
      return { dispatches: rebound, buffers: used, generation }
    },
    isCurrent: (recording) => recording.generation === generation,
    repeat({ dispatches, buffers }) {
      before()
      for (const each of dispatches) {
        dispatch(each)
        // A submit forgets what it has submitted.
        repeated.add(buffers)
        submitFull()
      }
    },
    uses: (buffer) => inUse.has(buffer) || [...repeated].some((buffers) => buffers.has(buffer)),
    submit,
    dispose() {
      submit()
      for (const buffer of uniforms.values()) buffer.destroy()
      uniforms.clear()
      bindGroups.clear()
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
