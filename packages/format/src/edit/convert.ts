import { expectArgument, expectOptions } from "../argument.ts"
import { FormatError } from "../errors.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { FLOAT_DTYPE_TEXT, isReadableDtype } from "../safetensors/dtype.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import { openSafetensors } from "../safetensors/read.ts"
import type { ByteSource, SourceLike } from "../source.ts"
import { toSource } from "../source.ts"
import type { LazyTensorBytes } from "../write/safetensors.ts"
import type { SafetensorsContents } from "./contents.ts"
import { copiedTensor, metadataOfChanged, tensorPieces } from "./contents.ts"
import { convertElements } from "./convert-elements.ts"
import type { KeyLayout } from "./key-layout.ts"
import { renameKeys } from "./key-layout.ts"
import { FORM_KEYS, plainTensors } from "./plain.ts"

/** Options of {@link convertSafetensors}. */
export interface ConvertOptions {
  /** The dtype for F64, F32, F16, BF16, F8_E4M3 and F8_E5M2 tensors. Tensors of other dtypes stay unchanged. */
  readonly dtype?: FloatDtype
  /**
   * Names for an LLLite's tensors. With this option, the result has the adapters' tensors only. `file` extracts an
   * LLLite from a training state.
   */
  readonly keys?: KeyLayout
  /**
   * Write a plain LLLite, in which every site has its own conditioner. A shared trunk is copied to every site of its
   * depth, and the result computes exactly the same. The result has the adapters' tensors only.
   */
  readonly plain?: boolean
  /**
   * What to do with a value that the dtype cannot hold. `refuse` throws with the tensor's name. `infinity` writes
   * infinity, or NaN in F8_E4M3, as PyTorch does. Default: `refuse`.
   */
  readonly overflow?: "refuse" | "infinity"
}

/** A converted file, to be written with `safetensorsChunks`. */
export interface ConvertedFile extends SafetensorsContents {
  /** The number of tensors that get another dtype. */
  readonly converted: number
  /** Names of tensors that stay unchanged because they have another dtype than the six. */
  readonly kept: readonly string[]
  /** Names of tensors that are left out because they are not an adapter's. */
  readonly leftOut: readonly string[]
}

/**
 * Changes the dtype or the names of any safetensors file's tensors. Only the header is read now; data is read,
 * converted and given 4 MiB at a time, so a checkpoint of any size takes constant memory. Metadata stays, without
 * hashes of the tensors, which would be wrong.
 *
 * @throws FormatError everything `openSafetensors` throws; `site-unknown` when names are requested and the file has no
 * adapter; `wrong-kind` and `site-*` when a plain LLLite is requested and the file is not an LLLite; `write-input` when it cannot be plain. While the file is written: `value-range`, which names the first tensor with a value outside of the dtype.
 */
export async function convertSafetensors(input: SourceLike, options: ConvertOptions): Promise<ConvertedFile> {
  expectOptions(options, "dtype", "keys", "plain", "overflow")
  const isRight = options.dtype === undefined || isReadableDtype(options.dtype)
  expectArgument(isRight, "dtype", options.dtype, FLOAT_DTYPE_TEXT)
  const source = toSource(input)
  const file = await openSafetensors(source)
  const { dtype, keys, plain = false, overflow = "refuse" } = options
  const named = plain ? plainTensors(file) : file.tensors
  const names = keys === undefined ? undefined : renameKeys(named.keys(), keys, source.label)

  const tensors = new Map<string, LazyTensorBytes>()
  const kept: string[] = []
  const leftOut: string[] = []
  let converted = 0
  if (plain) {
    const used = new Set([...named.values()].map(({ name }) => name))
    leftOut.push(...[...file.tensors.keys()].filter((name) => !used.has(name)))
  }
  for (const [old, info] of named) {
    const name = names === undefined ? old : names.get(old)
    if (name === undefined) {
      leftOut.push(info.name)
      continue
    }
    if (tensors.has(name)) {
      throw new FormatError("write-input", "two tensors of the file get this name", {
        source: source.label,
        tensor: name,
      })
    }
    if (dtype !== undefined && !isReadableDtype(info.dtype)) kept.push(name)
    const changes = dtype !== undefined && dtype !== info.dtype && isReadableDtype(info.dtype)
    if (changes) converted++
    tensors.set(name, changes ? convertedTensor(source, info, dtype, overflow) : copiedTensor(source, info))
  }
  const metadata = plain ? new Map([...file.metadata].filter(([key]) => !FORM_KEYS.includes(key))) : file.metadata
  return { tensors, metadata: metadataOfChanged(metadata), converted, kept, leftOut }
}

/** A tensor to write in another dtype. */
export function convertedTensor(
  source: ByteSource,
  info: TensorInfo,
  to: FloatDtype,
  overflow: "refuse" | "infinity",
): LazyTensorBytes {
  const from = info.dtype
  if (!isReadableDtype(from))
    throw new FormatError("dtype-unsupported", `${from} is not converted`, { tensor: info.name })
  return {
    dtype: to,
    shape: info.shape,
    bytes: async function* () {
      let offset = info.start
      for await (const piece of tensorPieces(source, info)) {
        const { bytes, lost } = convertElements(piece, from, to)
        if (lost > 0 && overflow === "refuse") {
          const what = `${lost} value${lost === 1 ? " is" : "s are"} too large for ${to}`
          throw new FormatError("value-range", `${what}. Choose F32 or BF16, or allow overflow.`, {
            source: source.label,
            tensor: info.name,
            offset,
          })
        }
        offset += piece.byteLength
        yield bytes
      }
    },
  }
}
