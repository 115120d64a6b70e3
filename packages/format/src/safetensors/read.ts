import type { Floats } from "../arrays.ts"
import { FormatError } from "../errors.ts"
import type { ByteSource, SourceLike } from "../source.ts"
import { readExactly, readExactlyInto, toSource } from "../source.ts"
import { checkReadable, toFloat32 } from "./dtype.ts"
import { foreignFormatError, SNIFF_BYTES } from "./foreign.ts"
import { parseHeaderLength, scanHeader } from "./header.ts"
import type { SafetensorsHeader, TensorInfo } from "./header-contents.ts"
import { HEADER_LENGTH_BYTES } from "./header-rules.ts"

/** An open safetensors file. Its header is in memory, and its data is read on request. */
export interface SafetensorsFile extends SafetensorsHeader {
  /** Label of the source, usually the file's name. */
  readonly label: string
  /** Size of the whole file in bytes. */
  readonly size: number
  /**
   * A tensor's bytes, little-endian, row-major. Bytes of an in-memory source are a view, so do not write to them.
   *
   * @throws FormatError `tensor-unknown`, `source-short-read`
   */
  readonly read: (name: string) => Promise<Uint8Array>
  /**
   * Fills `target`, which has the tensor's size, with its bytes. A large file is then read through one buffer, if the
   * source supports it.
   *
   * @throws FormatError `tensor-unknown`, `source-range`, `source-short-read`
   */
  readonly readInto: (name: string, target: Uint8Array) => Promise<void>
  /**
   * A tensor's values in a fresh array. Its shape is in `tensors`.
   *
   * @throws FormatError `tensor-unknown`, `dtype-unsupported`, `source-short-read`
   */
  readonly readFloat32: (name: string) => Promise<Floats>
}

/**
 * Opens a safetensors file by its header. It reads nothing else of a Blob, a file or a URL of any size.
 *
 * @throws FormatError the codes of `parseHeader` when the header breaks a rule; `pickle` for .ckpt, .pt and .pth files;
 * `not-safetensors` for other formats that are known by their first bytes
 */
export async function openSafetensors(input: SourceLike): Promise<SafetensorsFile> {
  const source = toSource(input)
  const header = await readHeader(source)
  const { tensors } = header

  const info = (name: string): TensorInfo => {
    const found = tensors.get(name)
    if (found !== undefined) return found
    throw new FormatError("tensor-unknown", `the file has ${tensors.size} tensors, but none of this name`, {
      source: source.label,
      tensor: name,
    })
  }
  return {
    ...header,
    label: source.label,
    size: source.size,
    read: async (name) => {
      const { start, end } = info(name)
      return readExactly(source, start, end)
    },
    readInto: async (name, target) => {
      const { start, end } = info(name)
      if (target.byteLength !== end - start) {
        throw new FormatError(
          "source-range",
          `it has ${end - start} bytes, and the array to fill has ${target.byteLength}`,
          {
            source: source.label,
            tensor: name,
          },
        )
      }
      await readExactlyInto(source, target, start)
    },
    readFloat32: async (name) => {
      const { dtype, start, end } = info(name)
      checkReadable(dtype, { source: source.label, tensor: name })
      return toFloat32(await readExactly(source, start, end), dtype)
    },
  }
}

async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const { size, label } = source
  const first = await readExactly(source, 0, Math.min(size, SNIFF_BYTES))
  let length: number
  try {
    length = parseHeaderLength(first, size, label)
  } catch (error) {
    throw foreignFormatError(first, label, error) ?? error
  }
  try {
    return await scanHeader(source, length)
  } catch (error) {
    // A real header's length may begin with any bytes, so a name for the file is only guessed when no header is there.
    throw (
      (mayBeObject(first.subarray(HEADER_LENGTH_BYTES)) ? undefined : foreignFormatError(first, label, error)) ?? error
    )
  }
}

/** Whether a header may begin with these bytes: with a brace, or with white space only. */
function mayBeObject(json: Uint8Array): boolean {
  const first = json.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)
  return first === undefined || first === "{".charCodeAt(0)
}
