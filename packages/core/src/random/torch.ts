import { CoreError } from "../errors.ts"
import { createMt19937 } from "./mt19937.ts"
import { keyOf, philox4x32 } from "./philox.ts"
import type { Seed } from "./seed.ts"

/** PyTorch's generators. With them, a seed gives the same numbers as in programs that use PyTorch. */
export type TorchGeneratorName = "torch-cpu" | "torch-cuda"

/** A generator with a state. Each call continues where the last one ended, as in PyTorch. */
export interface TorchGenerator {
  /** `torch.randn(length, generator=…)`, float32. */
  randn(length: number): Float32Array
}

/**
 * A PyTorch generator after `manual_seed(seed)`.
 *
 * `torch-cpu`: mt19937, seeded with the seed's low 32 bits. Below 16 values the numbers are PyTorch's bit for bit. From
 * 16 on PyTorch uses vector instructions. The numbers then agree to within a few units in the last place.
 *
 * `torch-cuda`: Philox4x32-10 through cuRAND, one thread per value. A GPU does the same while it can hold `length` threads
 * at once (its multiprocessors times the threads of each). Longer draws depend on the card's size.
 *
 * @throws CoreError when the seed is not an integer in 0 .. 2^64 - 1.
 */
export function createTorchGenerator(name: TorchGeneratorName, seed: Seed): TorchGenerator {
  switch (name) {
    case "torch-cpu":
      return torchCpu(seed)
    case "torch-cuda":
      return torchCuda(seed)
    default:
      throw new CoreError(
        "option-unknown",
        `random: there is no generator "${String(name)}". There are: torch-cpu, torch-cuda.`,
      )
  }
}

function torchCpu(seed: Seed): TorchGenerator {
  const next = createMt19937(keyOf(seed)[0])
  let spare: number | undefined
  /** aten's uniform_real_distribution<double>: 53 bits, the first word high. */
  const uniform53 = (): number => {
    const high = next() & 0x1fffff
    return (high * 2 ** 32 + next()) / 2 ** 53
  }
  /** aten's normal_distribution<double>, which keeps the second of its pair for the next call. */
  const normalOne = (): number => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    const angle = 2 * Math.PI * uniform53()
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53()))
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  /** aten's normal_fill: sixteen 24-bit uniforms become sixteen normals, in float32. */
  const fillSixteen = (values: Float32Array): void => {
    for (let i = 0; i < 8; i++) {
      const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(1 - (values[i] as number))))))
      const angle = Math.fround(Math.fround(2 * Math.PI) * (values[i + 8] as number))
      values[i] = radius * Math.fround(Math.cos(angle))
      values[i + 8] = radius * Math.fround(Math.sin(angle))
    }
  }
  const uniform24 = (): number => (next() & 0xffffff) / 2 ** 24
  return {
    randn(length) {
      checkLength(length)
      if (length < 16) return Float32Array.from({ length }, normalOne)
      const values = Float32Array.from({ length }, uniform24)
      for (let i = 0; i + 16 <= length; i += 16) fillSixteen(values.subarray(i, i + 16))
      if (length % 16 !== 0) {
        // An incomplete last group is not filled alone: the last sixteen values are drawn anew.
        const rest = values.subarray(length - 16)
        for (let i = 0; i < 16; i++) rest[i] = uniform24()
        fillSixteen(rest)
      }
      return values
    },
  }
}

function torchCuda(seed: Seed): TorchGenerator {
  const [key0, key1] = keyOf(seed)
  let calls = 0
  return {
    randn(length) {
      checkLength(length)
      const values = new Float32Array(length)
      const words = new Uint32Array(4)
      for (let thread = 0; thread < length; thread++) {
        words.set([calls, 0, thread, 0])
        philox4x32(words, key0, key1)
        // curand_box_muller in float32. A thread makes four normals, of which the first reaches the tensor.
        const uniform = Math.fround((words[0] as number) * 2 ** -32 + 2 ** -33)
        const angle = Math.fround((words[1] as number) * 2 ** -32 * 2 * Math.PI + 2 ** -33 * 2 * Math.PI)
        const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(uniform)))))
        values[thread] = radius * Math.fround(Math.sin(angle))
      }
      calls += 1
      return values
    },
  }
}

function checkLength(length: number): void {
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new CoreError("option-range", `random: length must be an integer of 0 or more, got ${length}`)
  }
}
