import type { CondChannels, CondInput } from "@lllite/format"
import { conditionerKernels, PICTURE_CHANNELS } from "@lllite/format"
import type { Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Ops } from "../../ops/ops.ts"
import type { Grid } from "../taps.ts"
import type { ControlPatches, Depth } from "./control-patches.ts"
import { cutLatents, noControlLatents } from "./latent-patches.ts"
import type { AdapterPlan } from "./layout.ts"
import type { AdapterParams } from "./params.ts"

/** Control images on the host. */
export interface ControlImages {
  readonly count: number
  readonly height: number
  readonly width: number
  /** Channels of the data. The fourth is a hole, see `withHole`. Default: 3. */
  readonly channels?: CondChannels
  /** [count, height, width, channels] in −1 … 1 */
  readonly data: Float32Array
  /**
   * The latents of the same images, for an LLLite that reads these: the mean of the VAE's posterior, scaled.
   * [count, height / 8, width / 8, 4]. Default: none
   */
  readonly latents?: Tensor4D
}

/** Pixels each way of a patch. */
const PATCH = 4

/** What patches are cut for: the depth of a site, and what its conditioner reads. */
export interface PatchForm {
  readonly depth: Depth
  /** Channels of pixels. */
  readonly channels: CondChannels
  /** Default: pixel */
  readonly input?: CondInput
}

/** The form of the patches that an adapter reads. */
export function patchFormOf({ site, condChannels = PICTURE_CHANNELS, condInput = "pixel" }: AdapterPlan): PatchForm {
  return { depth: site.depth, channels: condChannels, input: condInput }
}

/** Patches of every form that some adapters read. */
export interface PatchSet {
  /** The patches that an adapter reads. Undefined: none were cut for it. */
  of(plan: AdapterPlan): ControlPatches | undefined
  /** Disposes all of them. */
  dispose(): void
}

/** Forms with one key are one form. */
export function patchKey({ depth, channels, input = "pixel" }: PatchForm): string {
  return `${input} ${depth} of ${channels}`
}

/** The patches of every form that adapters read, each cut once. The caller disposes the result. */
export function createPatchSet(plans: Iterable<AdapterPlan>, cut: (form: PatchForm) => ControlPatches): PatchSet {
  const forms = new Map([...plans].map(patchFormOf).map((form) => [patchKey(form), form]))
  const all = new Map([...forms].map(([key, form]) => [key, cut(form)]))
  return {
    of: (plan) => all.get(patchKey(patchFormOf(plan))),
    dispose: () => tf.dispose([...all.values()].map(({ patches }) => patches)),
  }
}

/**
 * Cuts control images into patches. Every convolution of the conditioner then becomes a product over adjacent rows. The
 * order is tokens, then positions of the last kernel, then of the kernel before it, and so on to pixels. The result
 * depends on the images alone, so one cut is enough for all sites of a depth.
 *
 * @throws CoreError if an image is smaller than one token, or has no hole or no latents although the form reads them
 */
export function cutControl(images: ControlImages, form: PatchForm): ControlPatches {
  if (form.input === "latent") {
    if (images.latents === undefined) throw noControlLatents("control image")
    return cutLatents(images.latents, form.depth)
  }
  const { grid, values } = cutPatches(images, form)
  return patchTensor(images.count, grid, values, form)
}

/** Patches of `count` images on the device. values: the results of `cutPatches`, image after image */
export function patchTensor(
  count: number,
  grid: Grid,
  values: Float32Array,
  { channels }: Pick<PatchForm, "channels">,
): ControlPatches {
  const length = PATCH * PATCH * channels
  return { count, grid, patches: tf.tensor2d(values, [values.length / length, length]) }
}

/** The tokens of an image of this size in pixels. @throws CoreError if it is smaller than one token */
export function patchGrid({ width, height }: Pick<ControlImages, "width" | "height">, depth: Depth): Grid {
  const pixels = pixelsOfToken(depth)
  const grid = { height: Math.floor(height / pixels), width: Math.floor(width / pixels) }
  if (grid.height < 1 || grid.width < 1) {
    throw new CoreError(
      "control-size",
      `control image: ${width}×${height} px, expected at least ${pixels}×${pixels} px`,
    )
  }
  return grid
}

const pixelsOfToken = (depth: Depth): number =>
  conditionerKernels(depth).reduce((product, kernel) => product * kernel, 1)

/** The patches of `cutControl` on the host, row after row. @throws CoreError as `cutControl` */
export function cutPatches(
  { count, height, width, data, channels: given = PICTURE_CHANNELS }: ControlImages,
  { depth, channels }: PatchForm,
): { readonly grid: Grid; readonly values: Float32Array } {
  const kernels = conditionerKernels(depth).toReversed()
  const pixels = pixelsOfToken(depth)
  const grid = patchGrid({ width, height }, depth)
  if (data.length !== count * height * width * given) {
    const expected = `${count}×${height}×${width}×${given}`
    throw new CoreError("control-data", `control image: ${data.length} values, expected ${expected}`)
  }
  if (channels > given) {
    const what = "the LLLite reads the hole of its control, and there is none. Give a hole, which is white there."
    throw new CoreError("control-hole", `control image: ${what}`)
  }
  const result = new Float32Array(count * grid.height * grid.width * pixels * pixels * channels)
  let written = 0
  const cut = (image: number, top: number, left: number, level: number, side: number): void => {
    const kernel = kernels[level]
    if (kernel === undefined) {
      const from = ((image * height + top) * width + left) * given
      for (let channel = 0; channel < channels; channel++) result[written++] = data[from + channel] ?? 0
      return
    }
    const step = side / kernel
    for (let y = 0; y < kernel; y++) {
      for (let x = 0; x < kernel; x++) cut(image, top + y * step, left + x * step, level + 1, step)
    }
  }
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < grid.height; y++) {
      for (let x = 0; x < grid.width; x++) cut(image, y * pixels, x * pixels, 0, pixels)
    }
  }
  return { grid, values: result }
}

/** The control's embedding at one adapter. ReLU follows every layer but the last. → [count, tokens, condDim] */
export function embedControl(ops: Ops, adapter: AdapterParams, control: ControlPatches): Tensor3D {
  const { conditioner, plan } = adapter
  const { count, grid } = control
  return tf.tidy(() => {
    let h = control.patches
    for (const [i, { weight, bias }] of conditioner.entries()) {
      const read = tf.reshape(i === 0 ? h : ops.relu(h), [-1, weight.shape[0]])
      // Pictures have no gradient.
      h = ops.dense(read, weight, bias, { inputGradient: i > 0 }) as Tensor2D
    }
    return tf.reshape(h, [count, grid.height * grid.width, plan.condDim])
  })
}
