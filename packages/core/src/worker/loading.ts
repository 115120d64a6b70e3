import { DTYPE_BITS } from "@lllite/format"
import type { TaskContext } from "../channel/server.ts"
import type { Tokenizer } from "../models/clip/tokenizer.ts"
import type { LoadedControlNet } from "../models/controlnet/weights.ts"
import { loadControlNet } from "../models/controlnet/weights.ts"
import type { SdxlFiles } from "../models/layouts/parts.ts"
import { partsOf } from "../models/layouts/parts.ts"
import type { LoadSdxlOptions, Sdxl } from "../models/sdxl.ts"
import { loadSdxl } from "../models/sdxl.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import type { Ops, Weight, WeightLoader } from "../ops/ops.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"
import type { LoadProgress } from "../runtime/contract.ts"

/** The interval between reports of progress, in milliseconds. */
const PROGRESS_EVERY = 100

/** The time of loading between two reads of messages, in milliseconds. */
const PAUSE_EVERY = 50

/**
 * Loads an SDXL and reports the bytes that are read. After an abort or a failure, nothing stays on the device.
 *
 * @throws as `loadSdxl`; the signal's reason when aborted
 */
export async function* loadWatched(
  ops: Ops,
  files: WeightFile | SdxlFiles,
  tokenizer: Tokenizer,
  options: LoadSdxlOptions,
  context: TaskContext,
): AsyncGenerator<LoadProgress, Sdxl, void> {
  const { unet, vae, text1, text2 } = partsOf(files)
  const sdxl = yield* watchLoading(
    ops.load,
    [unet, vae, text1, text2],
    (load, [unet, vae, text1, text2]) => loadSdxl({ ...ops, load }, { unet, vae, text1, text2 }, tokenizer, options),
    context,
  )
  return { ...sdxl, ops }
}

/**
 * Loads a ControlNet for the U-Net of an SDXL, and reports the bytes that are read. After an abort or a failure, nothing
 * stays on the device.
 *
 * @throws as `loadControlNet`; the signal's reason when aborted
 */
export function loadControlNetWatched(
  { ops, unet }: Sdxl,
  file: WeightFile,
  context: TaskContext,
): AsyncGenerator<LoadProgress, LoadedControlNet, void> {
  return watchLoading(ops.load, [file], (load, [watched]) => loadControlNet(watched, load, unet.config), context)
}

async function* watchLoading<const Files extends readonly WeightFile[], T>(
  weights: WeightLoader,
  files: Files,
  load: (loader: WeightLoader, files: { readonly [Index in keyof Files]: WeightFile }) => Promise<T>,
  { signal, pause }: TaskContext,
): AsyncGenerator<LoadProgress, T, void> {
  const entries = files.flatMap((file) => [...file.entries.values()])
  const total = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
  let done = 0
  let paused = performance.now()
  const watched = (entry: WeightEntry): WeightEntry => {
    const before = async (): Promise<void> => {
      if (performance.now() - paused > PAUSE_EVERY) {
        await pause()
        paused = performance.now()
      }
      signal.throwIfAborted()
    }
    const read = async (): Promise<Uint8Array> => {
      await before()
      const bytes = await entry.read()
      done += bytes.byteLength
      return bytes
    }
    const { readInto } = entry
    if (readInto === undefined) return { ...entry, read }
    return {
      ...entry,
      read,
      async readInto(target) {
        await before()
        await readInto(target)
        done += target.byteLength
      },
    }
  }
  const watch = ({ entries, ...rest }: WeightFile): WeightFile => ({
    ...rest,
    entries: new Map([...entries].map(([name, entry]) => [name, watched(entry)])),
  })
  const loader = keepTrack(weights)
  let isLoaded = false
  const loading = load(loader, files.map(watch) as { readonly [Index in keyof Files]: WeightFile }).finally(() => {
    isLoaded = true
  })
  // It is awaited below, and may fail before that.
  loading.catch(() => {})
  let isTaken = false
  try {
    for (;;) {
      await Promise.race([loading, sleep(PROGRESS_EVERY)])
      if (isLoaded) break
      yield { kind: "read", done, total }
    }
    const loaded = await loading
    yield { kind: "read", done: total, total }
    signal.throwIfAborted()
    isTaken = true
    return loaded
  } finally {
    if (!isTaken) {
      await loading.catch(() => {})
      loader.disposeAll()
    }
  }
}

/** A loader that records its weights. */
function keepTrack(load: WeightLoader): WeightLoader & { disposeAll(): void } {
  const loaded: Weight[] = []
  const { wide } = load
  return {
    ...recording(load, loaded),
    ...(wide === undefined ? {} : { wide: recording(wide, loaded) }),
    disposeAll() {
      for (const weight of loaded.splice(0)) weight.dispose()
    },
  }
}

function recording(load: Omit<WeightLoader, "wide">, loaded: Weight[]): Omit<WeightLoader, "wide"> {
  const kept = async <T extends Weight>(loading: Promise<T>): Promise<T> => {
    const weight = await loading
    loaded.push(weight)
    return weight
  }
  return {
    linear: (weight, bias) => kept(load.linear(weight, bias)),
    conv2d: (weight, bias) => kept(load.conv2d(weight, bias)),
    norm: (scale, shift) => kept(load.norm(scale, shift)),
    table: (rows) => kept(load.table(rows)),
  }
}

function entryBytes({ dtype, shape }: WeightEntry): number {
  return (shape.reduce((product, length) => product * length, 1) * DTYPE_BITS[dtype]) / 8
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
