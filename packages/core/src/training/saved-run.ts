import type { SafetensorsFile, UnetLayout } from "@lllite/format"
import { llliteOf } from "@lllite/format"
import type { LazyTensorBytes } from "@lllite/format/write"
import { safetensorsChunks } from "@lllite/format/write"
import { checkArgument, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { readLlliteModel } from "../models/lllite/model.ts"
import { LLLITE } from "./lllite-trainable.ts"
import type { SavedTensor } from "./saved-state.ts"
import { loadTrainState, saveTrainState } from "./saved-state.ts"
import type { TrainState } from "./train-state.ts"

/** The names of the model's tensors begin with it; see `saveTrainState`. */
const MODEL = "model."

/** The names of a run's facts begin with it. */
const FACT = "run."

/** The names of the figures of a run's steps begin with it. */
const HISTORY = "steps."

/** A run between two steps, and what it followed from. */
export interface SavedRun {
  readonly state: TrainState
  /** Options and sizes of the run by name, as text. They tell whether it continues as it began. */
  readonly facts: ReadonlyMap<string, string>
  /** A figure of each step so far by its name, such as the loss. Default: none. */
  readonly history?: ReadonlyMap<string, Float64Array>
}

/**
 * The bytes of a run's file, in safetensors. Every runtime reads the file of every other one.
 *
 * @throws FormatError for facts that a file cannot hold
 */
export function savedRunChunks(run: SavedRun): AsyncGenerator<Uint8Array> {
  checkArgument("saved run", run, "an object")
  checkGiven("saved run: the state", run.state, "optimizer", "createTrainState")
  checkArgument("saved run: the facts", run.facts, "a Map")
  const { state, facts, history = new Map() } = run
  const { tensors, metadata } = saveTrainState(LLLITE, state)
  const kept = [...tensors].map(([name, { shape, values }]) => {
    const bytes = bytesOf(values)
    return [name, { dtype: values instanceof Float32Array ? "F32" : "U8", shape, bytes: () => bytes }] as const
  })
  const figures = [...history].map(([name, values]) => {
    const bytes = bytesOf(values)
    return [`${HISTORY}${name}`, { dtype: "F64", shape: [values.length], bytes: () => bytes }] as const
  })
  const entries = new Map<string, LazyTensorBytes>([...kept, ...figures])
  const said = new Map([...metadata, ...[...facts].map(([name, value]) => [`${FACT}${name}`, value] as const)])
  return safetensorsChunks(entries, said)
}

/**
 * Reads the file of a run. With the same options the run continues from it bit for bit.
 *
 * @param layout of the U-Net that the LLLite must fit
 * @throws CoreError when the file is not a run; FormatError when it is broken, or for another U-Net
 */
export async function readSavedRun(file: SafetensorsFile, layout: UnetLayout): Promise<SavedRun> {
  checkGiven("saved run: the file", file, "metadata", "openSafetensors")
  checkGiven("saved run: the layout", layout, "channelMult", "the config of the U-Net, as its layout,")
  if (!file.metadata.has("trains")) {
    throw new CoreError(
      "saved-run",
      `"${file.label}" is not the state of a training. Give a file that was saved as one.`,
    )
  }
  const like: LlliteModel = await readLlliteModel(llliteOf(modelOf(file), { layout }))
  const tensors = new Map<string, SavedTensor>()
  const history = new Map<string, Float64Array>()
  for (const [name, { shape, dtype }] of file.tensors) {
    if (name.startsWith(HISTORY)) {
      if (dtype === "F64") history.set(name.slice(HISTORY.length), float64s(await file.read(name)))
      continue
    }
    const values = dtype === "U8" ? await file.read(name) : await file.readFloat32(name)
    tensors.set(name, { shape, values: values instanceof Float32Array ? values : new Uint8Array(values) })
  }
  const facts = [...file.metadata].filter(([name]) => name.startsWith(FACT))
  return {
    state: loadTrainState(LLLITE, { tensors, metadata: file.metadata }, like),
    facts: new Map(facts.map(([name, value]) => [name.slice(FACT.length), value])),
    history,
  }
}

function bytesOf(values: Float32Array | Float64Array | Uint8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** Float64 of a file's bytes. Files are little-endian, as are all machines that JavaScript runs on. */
function float64s(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer)
}

/** The model's tensors as the file of an LLLite. */
function modelOf(file: SafetensorsFile): SafetensorsFile {
  const own = [...file.tensors].filter(([name]) => name.startsWith(MODEL))
  return {
    ...file,
    tensors: new Map(own.map(([name, info]) => [name.slice(MODEL.length), info])),
    read: (name) => file.read(`${MODEL}${name}`),
    readInto: (name, target) => file.readInto(`${MODEL}${name}`, target),
    readFloat32: (name) => file.readFloat32(`${MODEL}${name}`),
  }
}
