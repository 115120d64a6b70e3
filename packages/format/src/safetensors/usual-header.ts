import { isDtype } from "./dtype.ts"
import type { SafetensorsHeader, TensorInfo } from "./header-contents.ts"
import { HEADER_LENGTH_BYTES, MAX_RANK, METADATA_KEY, tensorBytes } from "./header-rules.ts"

const SPACE = 0x20

/**
 * Reads a header in the form of every known writer. It is ASCII, has white space at its end only, and has the tensors
 * in the order of their data. The code uses the engine's JSON, which runs at full speed at once. The strict parser
 * needs time to warm up, which would be most of the time in which a command opens a file.
 *
 * JSON.parse takes some text that a strict reader must refuse: duplicate names, and numbers in another spelling or too
 * large to be exact. JSON.stringify gives other text for them, so a comparison finds them.
 *
 * @returns undefined for every other header, and for a header that breaks a rule, which the strict parser names
 */
export function readUsualHeader(json: Uint8Array, fileSize: number): SafetensorsHeader | undefined {
  let length = json.byteLength
  while (json[length - 1] === SPACE) length--
  const text = new TextDecoder("latin1").decode(json.subarray(0, length))
  // Escapes of code points may spell half of a surrogate pair.
  if (/[^ -~]|\\u/.test(text)) return undefined
  const header = parseCanonical(text)
  if (!isObject(header)) return undefined

  const tensors = new Map<string, TensorInfo>()
  let metadata: SafetensorsHeader["metadata"] = new Map()
  const dataStart = HEADER_LENGTH_BYTES + json.byteLength
  let end = dataStart
  for (const [name, entry] of Object.entries(header)) {
    if (!isObject(entry)) return undefined
    if (name === METADATA_KEY) {
      const pairs = Object.entries(entry)
      if (!pairs.every((pair): pair is [string, string] => typeof pair[1] === "string")) return undefined
      metadata = new Map(pairs)
      continue
    }
    const { dtype, shape, data_offsets: offsets } = entry
    if (Object.keys(entry).length !== 3 || typeof dtype !== "string" || !isDtype(dtype)) return undefined
    if (!areNaturals(shape) || shape.length > MAX_RANK || !areNaturals(offsets)) return undefined
    const start = end
    end += tensorBytes(dtype, shape) ?? Number.NaN
    if (offsets.join() !== `${start - dataStart},${end - dataStart}`) return undefined
    tensors.set(name, { name, dtype, shape, start, end })
  }
  return end === fileSize ? { tensors, metadata, dataStart } : undefined
}

/** A value in the spelling of JSON.stringify, or undefined. */
function parseCanonical(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return JSON.stringify(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function areNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}
