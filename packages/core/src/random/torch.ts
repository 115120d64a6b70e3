import { CoreError } from "../errors.ts"
import { keyOf, philox4x32 } from "./philox.ts"
import type { Seed } from "./seed.ts"
import { checkLength, checkPart, createTorchCpu, type DrawPart } from "./torch-cpu.ts"

/** PyTorch's generators. With them, a seed gives the same numbers as in programs that use PyTorch. */
export type TorchGeneratorName = "torch-cpu" | "torch-cuda"

/** A generator with a state. Each call continues where the last one ended, as in PyTorch. */
export interface TorchGenerator {
  /**
   * `torch.randn(length, generator=…)`, float32. With `part`, `length` values of a longer draw. The generator then
   * continues after all of it.
   */
  randn(length: number, part?: DrawPart): Float32Array
  /** `torch.rand(length, generator=…)`, float32. */
  rand(length: number): Float32Array
}

/**
 * A PyTorch generator after `manual_seed(seed)`.
 *
 * `torch-cpu`: see `createTorchCpu`.
 *
 * `torch-cuda`: Philox4x32-10 through cuRAND, one thread per value. A GPU does the same while it can hold `length` threads
 * at once (its multiprocessors times the threads of each). Longer draws depend on the card's size.
 *
 * @throws CoreError when the seed is not an integer in 0 .. 2^64 - 1.
 */
export function createTorchGenerator(name: TorchGeneratorName, seed: Seed): TorchGenerator {
  switch (name) {
    case "torch-cpu":
      return createTorchCpu(seed)
    case "torch-cuda":
      return torchCuda(seed)
    default:
      throw new CoreError(
        "option-unknown",
        `random: there is no generator "${String(name)}". There are: torch-cpu, torch-cuda.`,
      )
  }
}

/** 2π / 2^32, in float32. */
const TURN = Math.fround(2 * Math.PI) * 2 ** -32

function torchCuda(seed: Seed): TorchGenerator {
  const [key0, key1] = keyOf(seed)
  let calls = 0
  const drawn = (length: number, first: number, read: (words: Uint32Array) => number): Float32Array => {
    const words = new Uint32Array(4)
    const values = Float32Array.from({ length }, (_, i) => {
      words.set([calls, 0, first + i, 0])
      philox4x32(words, key0, key1)
      return read(words)
    })
    calls += 1
    return values
  }
  return {
    // cuRAND's numbers lie above 0 and up to 1, and PyTorch turns 1 into 0.
    rand(length) {
      checkLength(length)
      return drawn(length, 0, ([word = 0]) => Math.fround(word * 2 ** -32 + 2 ** -33) % 1)
    },
    randn(length, part = { from: 0, of: length }) {
      checkPart(length, part)
      return drawn(length, part.from, (words) => {
        // A thread makes four normals by Box-Muller, of which the first reaches the tensor. Like webui's copy this rounds
        // once, at the end. A GPU computes in float32, and differs in the last bits.
        const uniform = (words[0] as number) * 2 ** -32 + 2 ** -33
        const angle = ((words[1] as number) + 0.5) * TURN
        return Math.sqrt(-2 * Math.log(uniform)) * Math.sin(angle)
      })
    },
  }
}
