import { expectOptions } from "../argument.ts"
import { openSafetensors } from "../safetensors/read.ts"
import type { SourceLike } from "../source.ts"
import { readExactly, toSource } from "../source.ts"
import { tensorPieces } from "./contents.ts"
import type { Hasher } from "./sha256.ts"
import { createSha256 } from "./sha256.ts"

/** The hashes of a safetensors file that people and programs use. */
export interface FileHashes {
  /** SHA-256 of the whole file: what Hugging Face and Civitai show. */
  readonly sha256: string
  /**
   * The oldest short hash of web UIs: 8 digits of the SHA-256 of 64 KiB from 1 MiB on. All files below 1 MiB have the
   * same one.
   */
  readonly autoV1: string
  /** The first 10 digits of `sha256`: what AUTOMATIC1111's web UI and Civitai call AutoV2. */
  readonly autoV2: string
  /** The first 12 digits of the tensors' hash: what Civitai calls AutoV3. */
  readonly autoV3: string
  /**
   * SHA-256 of all bytes after the header, with 0x before it as in `modelspec.hash_sha256`. It stays when metadata
   * changes. Source: https://github.com/Stability-AI/ModelSpec.
   */
  readonly tensors: string
  /** The hashes of the tensors in the file's metadata, and whether they are right. */
  readonly stated: readonly { readonly key: string; readonly value: string; readonly holds: boolean }[]
}

/** Options of {@link hashSafetensors}. */
export interface HashOptions {
  /** Creates a SHA-256. Default: this package's, which runs anywhere and is slower than a built-in one. */
  readonly createHasher?: () => Hasher
}

/**
 * Hashes a safetensors file in one pass, 4 MiB in memory at a time.
 * Sources: sd-scripts `library/train_util.py`, `addnet_hash_safetensors` and `addnet_hash_legacy`.
 *
 * @throws FormatError as `openSafetensors`; `source-short-read`
 */
export async function hashSafetensors(input: SourceLike, options: HashOptions = {}): Promise<FileHashes> {
  expectOptions(options, "createHasher")
  const { createHasher = createSha256 } = options
  const source = toSource(input)
  const { dataStart, metadata } = await openSafetensors(source)
  const [whole, data, old] = [createHasher(), createHasher(), createHasher()]
  for await (const piece of tensorPieces(source, { start: 0, end: dataStart })) whole.update(piece)
  for await (const piece of tensorPieces(source, { start: dataStart, end: source.size })) {
    whole.update(piece)
    data.update(piece)
  }
  const clamp = (offset: number): number => Math.min(source.size, offset)
  old.update(await readExactly(source, clamp(0x100000), clamp(0x110000)))

  const sha256 = whole.digest()
  const tensors = data.digest()
  const stated = Object.entries({ "modelspec.hash_sha256": `0x${tensors}`, sshs_model_hash: tensors }).flatMap(
    ([key, right]) => {
      const value = metadata.get(key)
      return value === undefined ? [] : [{ key, value, holds: value.toLowerCase() === right }]
    },
  )
  return {
    sha256,
    autoV1: old.digest().slice(0, 8),
    autoV2: sha256.slice(0, 10),
    autoV3: tensors.slice(0, 12),
    tensors: `0x${tensors}`,
    stated,
  }
}
