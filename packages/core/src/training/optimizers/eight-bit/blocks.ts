import type { ValuePart } from "../../value-part.ts"
import { fileStrides } from "../../value-part.ts"
import type { OptimizedModel } from "../rule.ts"
import type { Quantiser } from "./dynamic-map.ts"
import { BLOCK_SIZE } from "./dynamic-map.ts"

/** Tensors with fewer values keep float32, as in bitsandbytes. */
const LEAST_VALUES = 4096

/** A tensor's place in the lists of bytes and scales, or in the list of plain numbers. */
interface Place {
  readonly part: ValuePart
  readonly isQuantised: boolean
  readonly bytes: number
  readonly scales: number
  readonly plain: number
}

/** The lengths of the lists that keep one number for each value. */
export interface BlockLengths {
  readonly bytes: number
  readonly scales: number
  readonly plain: number
}

/** One number for each value of a model: bytes with a scale for every 256, and float32 for small tensors. */
export interface BlockState {
  readonly bytes: Uint8Array
  readonly scales: Float32Array
  readonly plain: Float32Array
}

/** The lengths of the lists for a model's values. */
export function blockLengths(model: OptimizedModel): BlockLengths {
  const { bytes, scales, plain } = placesOf(model).end
  return { bytes, scales, plain }
}

/**
 * Calls `move` with every value's index and its numbers, which it changes in place. Tensors are walked in a file's
 * order, because their blocks have that order.
 *
 * @param states the states whose numbers `move` reads and writes, at most two, with the quantiser of each
 */
export function forEachValue(
  model: OptimizedModel,
  states: readonly { readonly state: BlockState; readonly quantiser: Quantiser }[],
  move: (index: number, numbers: Float64Array) => void,
): void {
  const numbers = new Float64Array(states.length)
  const blocks = states.map(() => new Float32Array(BLOCK_SIZE))
  for (const { part, isQuantised, bytes, scales, plain } of placesOf(model).places) {
    if (!isQuantised) {
      for (let i = 0; i < part.size; i++) {
        for (const [k, { state }] of states.entries()) numbers[k] = state.plain[plain + i] as number
        move(part.offset + i, numbers)
        for (const [k, { state }] of states.entries()) state.plain[plain + i] = numbers[k] as number
      }
      continue
    }
    const order = createFileOrder(part)
    for (let first = 0, block = scales; first < part.size; first += BLOCK_SIZE, block++) {
      const count = Math.min(BLOCK_SIZE, part.size - first)
      for (let i = 0; i < count; i++) {
        for (const [k, { state, quantiser }] of states.entries()) {
          const byte = state.bytes[bytes + first + i] as number
          numbers[k] = (quantiser.map[byte] as number) * (state.scales[block] as number)
        }
        move(part.offset + order.next(), numbers)
        for (const [k, list] of blocks.entries()) list[i] = numbers[k] as number
      }
      for (const [k, list] of blocks.entries()) {
        const { state, quantiser } = states[k] as (typeof states)[number]
        const scale = quantise(list.subarray(0, count), quantiser, state.bytes.subarray(bytes + first))
        state.scales[block] = scale
      }
    }
  }
}

/** Quantises one block, and returns its scale: the largest size of its values. */
export function quantise(values: Float32Array, quantiser: Quantiser, into: Uint8Array): number {
  let scale = 0
  for (const value of values) scale = Math.max(scale, Math.abs(value))
  // A block of zeros has bytes of zero. Their number does not matter, because the scale is zero.
  for (const [i, value] of values.entries()) into[i] = scale === 0 ? 0 : quantiser.byteOf(value / scale)
  return scale
}

function placesOf({ parts }: OptimizedModel): { readonly places: readonly Place[]; readonly end: BlockLengths } {
  const at = { bytes: 0, scales: 0, plain: 0 }
  const places = parts.map((part): Place => {
    const isQuantised = part.size >= LEAST_VALUES
    const place = { part, isQuantised, ...at }
    if (isQuantised) {
      at.bytes += part.size
      at.scales += Math.ceil(part.size / BLOCK_SIZE)
    } else at.plain += part.size
    return place
  })
  return { places, end: at }
}

/** Walks the indices of a part in the flat values, in the order of a file. */
function createFileOrder({ shape, strides = fileStrides(shape) }: ValuePart): { next(): number } {
  const counts = shape.map(() => 0)
  let index = 0
  return {
    next() {
      const now = index
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const [count, length, stride] = [counts[axis] ?? 0, shape[axis] ?? 1, strides[axis] ?? 0]
        if (count + 1 < length) {
          counts[axis] = count + 1
          index += stride
          break
        }
        counts[axis] = 0
        index -= count * stride
      }
      return now
    },
  }
}
