// What the simulation of a large training follows from. Each value says whether it was measured, is counted from the code,
// or is assumed.

const measured = (value, unit, source) => ({ value, unit, kind: "measured", source })
const counted = (value, unit, source) => ({ value, unit, kind: "counted", source })
const assumed = (value, unit, source) => ({ value, unit, kind: "assumed", source })

export const ASSUMPTIONS = {
  pairs: assumed(1_000_000, "pairs", "the question"),
  epochs: assumed(1, "", "a pair comes once"),
  cards: assumed(8, "cards", "the question"),
  rowsOfPart: assumed(8, "pictures a card and step", "a batch that a card of 80 GB holds with gradient checkpointing"),
  stepTflop: counted(
    21.423,
    "TFLOP a picture",
    "counted operations of a training step at 1024 px, docs/measurements/webgpu.md",
  ),
  encodeTflop: assumed(5, "TFLOP a picture", "VAE and text encoders at 1024 px, by their sizes beside the U-Net"),
  peakTflops: assumed(
    66.9,
    "TFLOPS",
    "float32 of an H100, as its maker states it. Our kernels on WebGPU compute in float32",
  ),
  use: assumed(0.4, "of the peak", "no card was measured"),
  spread: assumed(0.03, "of a part's time", "standard deviation between cards and steps"),
  values: measured(23_000_000, "values of an LLLite", "docs/measurements/ranks.md"),
  bytesOfValue: counted(4, "bytes", "float32 is sent"),
  leadCpu: measured(
    0.3,
    "CPU seconds a part",
    "leading process, values sent and gradient read, docs/measurements/ranks.md",
  ),
  halfCpu: measured(0.144, "CPU seconds a gradient", "leading process, from float16, docs/measurements/ranks.md"),
  fanOut: assumed(0, "ranks below a node of a tree", "0: all ranks join the leading process, as it is built"),
  network: assumed(100, "Gbit/s", "a machine's network"),
  cardsOfMachine: assumed(8, "cards", "a usual machine"),
  readCpu: measured(
    0.045,
    "CPU seconds a pair",
    "read, decode and fit two PNGs of 2 MB at 1024 px, docs/measurements/datasets.md",
  ),
  readThreads: counted(4, "threads", "Node decodes on 4 threads, unless UV_THREADPOOL_SIZE says otherwise"),
  pairBytes: assumed(1_600_000, "bytes in shards", "a JPEG of quality 95 and a PNG of edges"),
  rawBytes: counted(6_300_000, "bytes sent a pair", "picture and control as eight-bit RGB"),
  disk: assumed(2, "GB/s", "a network drive"),
  saveEvery: assumed(100, "steps", "an option of the run"),
  saveSeconds: assumed(2, "s", "the LLLite and the state of its optimiser, 0.4 GB"),
  hoursToFault: assumed(50_000, "hours of a card", "one fault in six years"),
  restart: assumed(300, "s", "a pod is placed, and a checkpoint loaded"),
  price: assumed(2.5, "$ an hour of a card", "a rented H100"),
}

/** The values alone, some of them replaced. */
export function valuesOf(changes = {}) {
  const known = Object.fromEntries(Object.entries(ASSUMPTIONS).map(([name, { value }]) => [name, value]))
  for (const name of Object.keys(changes))
    if (!Object.hasOwn(known, name)) throw new Error(`there is no value "${name}"`)
  return { ...known, ...changes }
}
