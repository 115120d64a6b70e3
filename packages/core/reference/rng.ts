import { createNumpyRandom, type NumpyRandom } from "../src/random/numpy.ts"
import { createNumpyGenerator } from "../src/random/numpy-generator.ts"
import { philox4x32 } from "../src/random/philox.ts"
import { createPythonRandom } from "../src/random/python.ts"
import { readSeed, type Seed } from "../src/random/seed.ts"
import { createTorchGenerator } from "../src/random/torch.ts"
import { createTorchCpu, type TorchCpuGenerator } from "../src/random/torch-cpu.ts"
import { type CaseResult, compare, compareExactly, type ReferenceTensors } from "./case.ts"

/** rng.json */
export interface RngReference {
  readonly torch: { readonly cases: readonly TorchCase[] }
  readonly philoxRaw: readonly PhiloxRounds[]
  readonly philox: {
    readonly cases: readonly { readonly key: string; readonly seed: number; readonly calls: readonly number[][] }[]
  }
  readonly numpy: { readonly cases: readonly NumpyCase[] }
  readonly python: { readonly cases: readonly PythonCase[] }
}

interface TorchCase {
  readonly key: string
  readonly seed: number
  readonly calls: readonly (readonly [call: string, size: readonly number[] | number])[]
}

/** Rows of four words, one column for each evaluation. */
interface PhiloxRounds {
  readonly counter: readonly number[][]
  readonly key: readonly number[][]
  readonly result: readonly number[][]
}

interface NumpyCase {
  readonly key: string
  readonly seed: number
  readonly calls: readonly (readonly [call: string, count: number])[]
}

interface PythonCase {
  readonly seed: number | string
  readonly random: readonly number[]
  readonly randint: readonly number[]
  readonly choice: readonly string[]
  readonly getrandbits: readonly (number | string)[]
  readonly shuffle: string
  readonly sample: readonly (readonly (string | number)[])[]
  readonly uniform: readonly number[]
  readonly gauss: readonly number[]
  readonly randrange: readonly number[]
  readonly choices: readonly string[]
  readonly last: number
}

/** Longer draws are stored with their ends only. */
const STORED_ENDS = 40
/** PyTorch's vector instructions differ from processor to processor. */
const VECTOR_TOLERANCE = 1e-5
const PHILOX_TOLERANCE = 1e-6
/** Logarithms and sines may differ in the last digit of float64. */
const LAST_DIGIT = 1e-14

/** Compares the random numbers of PyTorch, NumPy and Python. */
export async function runRng(reference: RngReference, tensors: ReferenceTensors): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const { key, seed, calls } of reference.torch.cases) {
    const ours = torchValues(createTorchCpu(seedOf(seed)), key, calls)
    const theirs = await readNumbers(tensors, key)
    const isGrouped = calls.some(([call, size]) => /^randn$|^normal_/.test(call) && countOf(size) >= 16)
    const isDouble = key.startsWith("torch.randnDouble")
    results.push(
      isGrouped
        ? compare(key, ours, theirs, VECTOR_TOLERANCE)
        : isDouble
          ? compare(key, ours, theirs, LAST_DIGIT)
          : compareExactly(key, ours, theirs),
    )
  }
  for (const [i, { counter, key, result }] of reference.philoxRaw.entries()) {
    const columns = (result[0] ?? []).map((_, column) => {
      const words = Uint32Array.from(counter, (row) => row[column] as number)
      philox4x32(words, key[0]?.[column] ?? 0, key[1]?.[column] ?? 0)
      return words
    })
    results.push(
      compareExactly(
        `philoxRaw.${i}`,
        result.flatMap((_, row) => columns.map((words) => words[row] ?? 0)),
        result.flat(),
      ),
    )
  }
  for (const { key, seed, calls } of reference.philox.cases) {
    const generator = createTorchGenerator("torch-cuda", seedOf(seed))
    const ours = calls.flatMap((size) => ends(generator.randn(countOf(size))))
    results.push(compare(key, ours, await readNumbers(tensors, key), PHILOX_TOLERANCE))
  }
  for (const { key, seed, calls } of reference.numpy.cases) {
    const ours = key.startsWith("numpyNew") ? newNumpyValues(seed, calls) : numpyValues(createNumpyRandom(seed), calls)
    results.push(compare(key, ours, await readNumbers(tensors, key), LAST_DIGIT))
  }
  for (const each of reference.python.cases) results.push(...pythonCase(each))
  return results
}

function torchValues(generator: TorchCpuGenerator, key: string, calls: TorchCase["calls"]): readonly number[] {
  const stored = key.startsWith("torch.genImg") ? (values: ArrayLike<number>) => Array.from(values).slice(0, 16) : ends
  return calls.flatMap(([call, size]) => {
    const [name = "", ...numbers] = call.split(" ")
    const [low = 0, high = 0] = numbers.map(Number)
    const count = countOf(size)
    switch (name) {
      case "randn":
        return stored(numbers[0] === "float64" ? generator.randnDouble(count) : generator.randn(count))
      case "rand":
        return stored(generator.rand(count))
      case "randint":
        return stored(generator.randint(count, low, high))
      case "randperm":
        return stored(generator.randperm(count))
      case "uniform_":
        return stored(generator.uniform(count, low, high))
      case "normal_":
        return stored(generator.normal(count, low, high))
      default:
        return layerValues(generator, call)
    }
  })
}

/** Weight and bias of a new layer: `torch.nn.Linear(5, 3): …` or `torch.nn.Conv2d(3, 4, 4): …`. */
function layerValues(generator: TorchCpuGenerator, call: string): readonly number[] {
  const [inputs = 0, outputs = 0, kernel = 1] = (/\(([\d, ]+)\)/.exec(call)?.[1] ?? "").split(",").map(Number)
  const fanIn = inputs * kernel ** 2
  // kaiming_uniform_ with a = sqrt(5).
  const bound = Math.sqrt(3) * (Math.sqrt(2 / (1 + 5)) / Math.sqrt(fanIn))
  const weight = generator.uniform(outputs * fanIn, -bound, bound)
  const biasBound = 1 / Math.sqrt(fanIn)
  const values = [...weight, ...generator.uniform(outputs, -biasBound, biasBound)]
  return ends(values)
}

function numpyValues(random: NumpyRandom, calls: NumpyCase["calls"]): readonly number[] {
  return calls.flatMap(([call, count]) => {
    const [name = "", ...numbers] = call.split(" ")
    const [low = 0, high = 0] = numbers.map(Number)
    const times = (draw: () => number): readonly number[] => Array.from({ length: count }, draw)
    if (name === "randn") return times(() => random.normal())
    if (name === "randint") return times(() => random.randint(low, high))
    if (name === "permutation" || name === "choice") return random.permutation(low).slice(0, count)
    return times(() => random.double())
  })
}

function newNumpyValues(seed: number, calls: NumpyCase["calls"]): readonly number[] {
  const random = createNumpyGenerator(seed)
  return calls.flatMap(([call, count]) => {
    const [low = 0, high = 0] = call.split(" ").slice(1).map(Number)
    const draw = call.startsWith("integers")
      ? () => random.integer(low, high)
      : call === "standard_normal"
        ? () => random.normal()
        : () => random.double()
    return Array.from({ length: count }, draw)
  })
}

function pythonCase(want: PythonCase): readonly CaseResult[] {
  const random = createPythonRandom(want.seed)
  const letters = [..."abcdefghij"]
  const times = <T>(count: number, draw: () => T): readonly T[] => Array.from({ length: count }, draw)
  const name = `python.${want.seed}`
  const exactly = (what: string, ours: readonly unknown[], theirs: readonly unknown[]): CaseResult => {
    const wrong = Number(JSON.stringify(ours.map(String)) !== JSON.stringify(theirs.map(String)))
    return { case: `${name}.${what}`, maxRelError: wrong, tolerance: 0, ok: wrong === 0 }
  }
  const thousand = times(1000, () => 0).map((_, i) => i)
  return [
    compareExactly(
      `${name}.random`,
      times(4, () => random.random()),
      want.random,
    ),
    compareExactly(
      `${name}.randint`,
      [...times(3, () => random.randint(0, 2 ** 32 - 1)), ...times(5, () => random.randint(1, 6))],
      want.randint,
    ),
    exactly(
      "choice",
      times(5, () => random.choice(letters)),
      want.choice,
    ),
    exactly(
      "getrandbits",
      [70, 5, 32].map((count) => random.getrandbits(count)),
      want.getrandbits,
    ),
    exactly("shuffle", [...random.shuffled(letters)], [...want.shuffle]),
    exactly(
      "sample",
      [
        random.sample(letters, 3),
        random.sample(thousand, 6),
        random.sample(letters, 10),
        random.sample(letters, 0),
      ].map(String),
      want.sample,
    ),
    compareExactly(
      `${name}.uniform`,
      times(3, () => random.uniform(-2, 3)),
      want.uniform,
    ),
    compare(
      `${name}.gauss`,
      times(3, () => random.gauss(0, 1)),
      want.gauss,
      LAST_DIGIT,
    ),
    compareExactly(
      `${name}.randrange`,
      times(3, () => random.randrange(0, 1000, 7)),
      want.randrange,
    ),
    exactly("choices", random.choices(letters, 4), want.choices),
    compareExactly(`${name}.last`, [random.random()], [want.last]),
  ]
}

/** Seeds of JSON are exact below 2^53. */
function seedOf(seed: number): Seed {
  return readSeed(seed) ?? 0
}

function countOf(size: readonly number[] | number): number {
  return typeof size === "number" ? size : size.reduce((count, side) => count * side, 1)
}

function ends(values: ArrayLike<number>): readonly number[] {
  const list = Array.from(values)
  return list.length <= 2 * STORED_ENDS ? list : [...list.slice(0, STORED_ENDS), ...list.slice(-STORED_ENDS)]
}

/** A tensor's values. Whole numbers have 64 bits, and float64 keeps its digits. */
async function readNumbers(tensors: ReferenceTensors, name: string): Promise<ArrayLike<number>> {
  const dtype = tensors.tensors.get(name)?.dtype
  if (dtype !== "F64" && dtype !== "I64") return tensors.readFloat32(name)
  const bytes = Uint8Array.from(await tensors.read(name))
  return dtype === "F64" ? new Float64Array(bytes.buffer) : Array.from(new BigInt64Array(bytes.buffer), Number)
}
