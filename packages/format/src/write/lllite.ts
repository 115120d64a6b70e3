import { expectArgument } from "../argument.ts"
import type { Bytes } from "../arrays.ts"
import { FormatError } from "../errors.ts"
import type { Site } from "../lllite/site.ts"
import type { AdapterDims, SiteTensorName } from "../lllite/tensors.ts"
import { isConditionerTensor, siteTensorKey, siteTensorShapes } from "../lllite/tensors.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { countOverflow, fromFloat32 } from "./encode.ts"
import type { LazyTensorBytes } from "./safetensors.ts"
import { safetensorsChunks, safetensorsSize } from "./safetensors.ts"

/** A site for an adapter to write. */
export type SiteToWrite = Pick<Site, "key" | "inDim" | "depth" | "conv"> & AdapterDims

/** An LLLite to write. */
export interface LlliteContents<S extends SiteToWrite = SiteToWrite> {
  readonly sites: readonly S[]
  /**
   * Gives the values of one tensor, row-major in `siteTensorShapes(site, site)`'s shape. Called once for each tensor of
   * the file: for a shared trunk, only at the first site of its depth.
   */
  readonly values: (site: S, name: SiteTensorName) => Float32Array | Promise<Float32Array>
  /** The dtype of the file. Published files have F16. */
  readonly dtype: FloatDtype
  /** See `buildLlliteMetadata`. */
  readonly metadata?: ReadonlyMap<string, string>
}

/**
 * An LLLite file in pieces, in order, as the reference writes it. One tensor is in memory at a time.
 *
 * @throws FormatError `write-input` for values of the wrong length or a duplicate site; `dims`; `value-range` for finite
 * values that would be infinite in the file
 */
export function llliteChunks<S extends SiteToWrite>(
  contents: LlliteContents<S>,
): AsyncGenerator<Uint8Array, void, undefined> {
  return safetensorsChunks(llliteTensors(contents), contents.metadata)
}

/**
 * An LLLite file in memory. See {@link llliteChunks}.
 *
 * @throws FormatError `write-input`, `dims`, `value-range`
 */
export async function serializeLllite<S extends SiteToWrite>(contents: LlliteContents<S>): Promise<Bytes> {
  const tensors = llliteTensors(contents)
  const file = new Uint8Array(safetensorsSize(tensors, contents.metadata))
  let end = 0
  for await (const chunk of safetensorsChunks(tensors, contents.metadata)) {
    file.set(chunk, end)
    end += chunk.byteLength
  }
  return file
}

/**
 * An LLLite's tensors by name. Each is encoded when it is written.
 *
 * @throws FormatError as {@link llliteChunks}
 */
export function llliteTensors<S extends SiteToWrite>(
  contents: Omit<LlliteContents<S>, "metadata">,
): ReadonlyMap<string, LazyTensorBytes> {
  expectArgument(Array.isArray(contents?.sites), "sites", contents?.sites, "a list")
  const { dtype } = contents
  const tensors = new Map<string, LazyTensorBytes>()
  for (const site of contents.sites) {
    for (const [name, shape] of siteTensorShapes(site, site)) {
      const key = siteTensorKey(site, name)
      const before = tensors.get(key)
      if (before !== undefined) {
        const isTrunk = site.sharedTrunk === true && isConditionerTensor(name)
        if (isTrunk && before.shape.join() === shape.join()) continue
        const shapes = `[${shape.join(", ")}], and not [${before.shape.join(", ")}]`
        const what = isTrunk ? `${site.key} has another shape than the trunk: ${shapes}` : "the site is given twice"
        throw new FormatError("write-input", what, { tensor: key })
      }
      tensors.set(key, {
        dtype,
        shape,
        bytes: async () => encode(key, await contents.values(site, name), shape, dtype),
      })
    }
  }
  return tensors
}

function encode(key: string, values: Float32Array, shape: readonly number[], dtype: FloatDtype): Uint8Array {
  const expected = shape.reduce((product, size) => product * size, 1)
  if (values.length !== expected) {
    const what = `[${shape.join(", ")}] takes ${expected} values, but ${values.length} were given`
    throw new FormatError("write-input", what, { tensor: key })
  }
  const overflow = countOverflow(values, dtype)
  if (overflow > 0) {
    const what = `${overflow} of ${values.length} values are too large for ${dtype} and would become infinite`
    throw new FormatError("value-range", `${what}. Write F32 or BF16, or find out why the values are large.`, {
      tensor: key,
    })
  }
  return fromFloat32(values, dtype)
}
