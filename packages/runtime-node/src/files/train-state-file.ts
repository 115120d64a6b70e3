import { stat } from "node:fs/promises"
import { join } from "node:path"
import type { LlliteModel } from "@lllite/core/models"
import { readLlliteModel } from "@lllite/core/models"
import type { TrainState } from "@lllite/core/training"
import { LLLITE, loadTrainState, saveTrainState } from "@lllite/core/training"
import type { SafetensorsFile, UnetLayout } from "@lllite/format"
import { llliteOf, openSafetensors } from "@lllite/format"
import { type LazyTensorBytes, safetensorsChunks } from "@lllite/format/write"
import { InputError } from "../errors.ts"
import { writeAtomically } from "./atomic-write.ts"
import { withPath } from "./path-source.ts"
import { hasCode } from "./system-code.ts"

/** The file of a run in its folder. */
const FILE_NAME = "lllite-state.safetensors"

/** The names of the model's tensors begin with it; see core's `saveTrainState`. */
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

/** The path of a run's file in its folder. */
export function trainStatePath(folder: string): string {
  return join(folder, FILE_NAME)
}

/**
 * Writes a run into a folder, in one file that is there whole or not at all. A state in the folder is replaced.
 *
 * @returns the path of the file
 * @throws InputError when it cannot be written
 */
export async function writeTrainState(
  folder: string,
  { state, facts, history = new Map() }: SavedRun,
): Promise<string> {
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
  return writeAtomically(trainStatePath(folder), safetensorsChunks(entries, said))
}

/**
 * Reads a run that `writeTrainState` wrote.
 *
 * @param path the folder, or the file in it
 * @param layout of the U-Net that the LLLite must fit
 * @throws InputError for a folder without such a file; FormatError when the file is broken, or for another U-Net;
 * CoreError when it is not a run
 */
export async function readTrainState(path: string, layout: UnetLayout): Promise<SavedRun> {
  return withPath(await stateFile(path), async (source) => {
    const file = await openSafetensors(source)
    if (!file.metadata.has("trains")) {
      throw new InputError("state-file", `"${path}" is not the state of a training. ${EXPECTED}`)
    }
    const like: LlliteModel = await readLlliteModel(llliteOf(modelOf(file), { layout }))
    const tensors = new Map<string, { readonly shape: readonly number[]; readonly values: Float32Array | Uint8Array }>()
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
  })
}

function bytesOf(values: Float32Array | Float64Array | Uint8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** Float64 of a file's bytes. Files are little-endian, as are all machines that Node runs on. */
function float64s(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer)
}

const EXPECTED = "Expected a folder whose name ends in -state, which the option save_state has written."

/** The file of a run. @throws InputError when the folder has none */
async function stateFile(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder) return path
  const file = trainStatePath(path)
  const isThere = await stat(file).then(
    () => true,
    (error: unknown) => !hasCode(error, "ENOENT"),
  )
  if (isThere) return file
  const isOfPython = await stat(join(path, "random_states_0.pkl")).then(
    () => true,
    () => false,
  )
  const found = isOfPython ? "is a state of sd-scripts, which holds pickles of PyTorch" : `has no ${FILE_NAME}`
  throw new InputError("state-file", `"${path}" ${found}. ${EXPECTED}`)
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
