import type { FormatErrorCode } from "../errors.ts"
import { FormatError } from "../errors.ts"
import { FLOAT_DTYPE_TEXT, isReadableDtype } from "../safetensors/dtype.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import type { Site } from "./site.ts"
import type { AdapterDims, CondInput, SiteTensorName } from "./tensors.ts"
import { conditionerKernels, siteTensorKey, siteTensorShapes } from "./tensors.ts"

/** The tensors of a file at one site, by the name after the site's key. */
export type SiteTensors = ReadonlyMap<SiteTensorName, TensorInfo>

/**
 * Reads an adapter's widths from its tensors' shapes. The format stores them nowhere else. Then it compares every
 * tensor with the shape for these widths. An accepted file has every tensor of every site in its shape.
 *
 * @returns the site of the file, with the file's `inDim`
 * @throws FormatError `site-incomplete`, `site-shape`, `site-depth`, `site-dtype`
 */
export function inferSite(
  site: Site & Pick<AdapterDims, "sharedTrunk">,
  tensors: SiteTensors,
  label: string,
): Site & AdapterDims {
  const refuse = (code: FormatErrorCode, name: SiteTensorName, message: string): FormatError => {
    const info = tensors.get(name)
    const place = { source: label, tensor: siteTensorKey(site, name) }
    return new FormatError(code, message, info === undefined ? place : { ...place, offset: info.start })
  }
  const shapeOf = (name: SiteTensorName): readonly number[] => {
    const info = tensors.get(name)
    if (info !== undefined) return info.shape
    throw refuse(
      "site-incomplete",
      name,
      `the file has ${[...tensors.keys()].join(", ")} of this site, but not this one`,
    )
  }

  const down = shapeOf("down.0.weight")
  const rank = site.conv ? 4 : 2
  if (down.length !== rank) {
    const wanted = site.conv
      ? "[mlpDim, inDim, 1, 1]: its host is a convolution"
      : "[mlpDim, inDim]: its host is linear"
    throw refuse("site-shape", "down.0.weight", `the shape is ${text(down)}, expected ${wanted}`)
  }
  const firstConditioning = shapeOf("conditioning1.0.weight")
  const condInput = inferInput(firstConditioning)
  const depth = inferDepth(tensors, shapeOf("conditioning1.2.weight"), condInput)
  if (depth !== site.depth) {
    const came = depth === null ? "has no known form" : `is ${reduction(depth)}`
    const message = `the conditioner ${came}, expected ${reduction(site.depth)}, the grid of ${site.block}`
    throw refuse("site-depth", "conditioning1.2.weight", message)
  }
  const lastConditioning = site.depth === 3 ? "conditioning1.4.weight" : "conditioning1.2.weight"
  const [mlpDim = 0, inDim = 0] = down
  const [condDim = 0] = shapeOf(lastConditioning)
  if (mlpDim < 1 || inDim < 1)
    throw refuse("site-shape", "down.0.weight", `the shape is ${text(down)}, with a size of 0`)
  if (condDim < 2) {
    throw refuse("site-shape", lastConditioning, `${condDim} output channels (condDim), expected at least 2`)
  }

  const found = { ...site, inDim, condDim, mlpDim, ...readsOf(firstConditioning, condInput) } as const
  for (const [name, expected] of siteTensorShapes(found, found)) {
    const shape = shapeOf(name)
    if (!sameShape(shape, expected)) {
      const dims = `condDim ${condDim}, mlpDim ${mlpDim} and ${inDim} host channels`
      throw refuse("site-shape", name, `the shape is ${text(shape)}, expected ${text(expected)} with ${dims}`)
    }
  }
  for (const [name, { dtype }] of tensors) {
    if (isReadableDtype(dtype)) continue
    throw refuse("site-dtype", name, `the dtype is ${dtype}, expected ${FLOAT_DTYPE_TEXT}`)
  }
  return found
}

/** Conditioners of latents begin with another kernel than those of pixels. */
function inferInput(first: readonly number[]): CondInput {
  return first[3] === conditionerKernels(1, "latent")[0] ? "latent" : "pixel"
}

/** What a conditioner reads, by its first kernel. Four channels of pixels are a picture and a hole. */
function readsOf(
  [, channels]: readonly number[],
  condInput: CondInput,
): Pick<AdapterDims, "condChannels" | "condInput"> {
  if (condInput === "latent") return { condInput }
  return channels === 4 ? { condChannels: 4 } : {}
}

/** Depth 3 has a third convolution. Depths 1 and 2 differ in the kernel of the second one. */
function inferDepth(tensors: SiteTensors, second: readonly number[], input: CondInput): 1 | 2 | 3 | null {
  if (tensors.has("conditioning1.4.weight")) return 3
  return ([1, 2] as const).find((depth) => conditionerKernels(depth, input)[1] === second[3]) ?? null
}

function reduction(depth: 1 | 2 | 3): string {
  return `a conditioner of depth ${depth} (1/${4 * 2 ** depth} of the control image)`
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

function text(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`
}
