import type { LlliteFile } from "../lllite/read.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { isReadableDtype } from "../safetensors/dtype.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import type { ByteSource } from "../source.ts"
import { readExactly } from "../source.ts"
import type { LazyTensorBytes } from "../write/safetensors.ts"

/**
 * A safetensors file that is not written yet. Every function here that changes a file returns one. Pass it to
 * `safetensorsChunks(tensors, metadata)`, which reads, changes and yields one piece at a time.
 */
export interface SafetensorsContents {
  readonly tensors: ReadonlyMap<string, LazyTensorBytes>
  /** Undefined for a file without metadata. */
  readonly metadata: ReadonlyMap<string, string> | undefined
}

/** Bytes of a tensor in memory at one time. A multiple of every element's size. */
const PIECE_BYTES = 2 ** 22

/** Metadata keys of hashes of the tensors' bytes. The hashes are wrong when the bytes change. */
const HASH_KEYS = ["modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash"]

/** A tensor's bytes as the file has them, in pieces. */
export async function* tensorPieces(
  source: ByteSource,
  { start, end }: Pick<TensorInfo, "start" | "end">,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; at < end; at += PIECE_BYTES) {
    yield await readExactly(source, at, Math.min(end, at + PIECE_BYTES))
  }
}

/** A tensor to write that is a copy of one in a file. */
export function copiedTensor(source: ByteSource, info: TensorInfo): LazyTensorBytes {
  return { dtype: info.dtype, shape: info.shape, bytes: () => tensorPieces(source, info) }
}

/** The metadata for a changed file. It has no hashes, because they would be wrong. */
export function metadataOfChanged(metadata: ReadonlyMap<string, string>): ReadonlyMap<string, string> | undefined {
  const kept = new Map([...metadata].filter(([key]) => !HASH_KEYS.includes(key)))
  return kept.size === 0 ? undefined : kept
}

/** The dtype of an LLLite's tensors, or F32 if they have several. */
export function storedDtype({ dtypes }: LlliteFile): FloatDtype {
  const [dtype = "F32"] = dtypes
  return dtypes.length === 1 && isReadableDtype(dtype) ? dtype : "F32"
}
