import { checkArgument } from "../argument.ts"

/** A tensor of a pass: its bytes, and when it is needed. */
export interface TensorLife {
  readonly bytes: number
  /** The first command that may use it, and the one after the last. */
  readonly from: number
  readonly until: number
}

/** Which buffer each tensor has. */
export interface SharedBuffers {
  /** The number of each tensor's buffer, in the tensors' order. */
  readonly places: readonly number[]
  /** Bytes of each buffer. Those that were there before come first. */
  readonly buffers: readonly number[]
}

/**
 * Gives tensors of a pass to as few bytes of buffers as this order finds: the largest tensors first, and each to the smallest
 * buffer that is large enough and free for as long as it is needed. So a pass whose commands are known takes little more than
 * its tensors take at one time.
 *
 * Source: Pisarchyk & Lee 2020 (arXiv:2001.03288), "greedy by size" for shared objects.
 *
 * @param before bytes of buffers that are there. Default: none
 */
export function shareBuffers(tensors: readonly TensorLife[], before: readonly number[] = []): SharedBuffers {
  checkArgument("buffers: the tensors", tensors, "a list")
  checkArgument("buffers: those of before", before, "a list of numbers")
  for (const tensor of tensors) checkArgument("buffers: a tensor", tensor, "an object")
  const buffers = before.map((bytes) => ({ bytes, lives: [] as TensorLife[] }))
  const places = tensors.map(() => 0)
  const bySize = tensors.map((tensor, i) => ({ tensor, i })).sort((one, other) => other.tensor.bytes - one.tensor.bytes)
  for (const { tensor, i } of bySize) {
    const isFree = ({ lives }: (typeof buffers)[number]): boolean =>
      lives.every(({ from, until }) => until <= tensor.from || from >= tensor.until)
    let best = -1
    for (const [at, buffer] of buffers.entries()) {
      const isSmaller = best === -1 || buffer.bytes < (buffers[best]?.bytes ?? 0)
      if (buffer.bytes >= tensor.bytes && isSmaller && isFree(buffer)) best = at
    }
    if (best === -1) best = buffers.push({ bytes: tensor.bytes, lives: [] }) - 1
    buffers[best]?.lives.push(tensor)
    places[i] = best
  }
  return { places, buffers: buffers.map(({ bytes }) => bytes) }
}
