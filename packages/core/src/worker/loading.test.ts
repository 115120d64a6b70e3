import { readFileSync } from "node:fs"
import { fromBytes, openSafetensors } from "@lllite/format"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, beforeEach, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import { createTokenizer } from "../models/clip/tokenizer.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import type { Ops, WeightLoader } from "../ops/ops.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { loadWatched } from "./loading.ts"

const tokenizer = createTokenizer(readFileSync(new URL("../../data/clip-merges.txt", import.meta.url), "utf8"))
const bytes = new Uint8Array(readFileSync(new URL("../../../tiny/model/tiny-sdxl.safetensors", import.meta.url)))

describe("loadWatched", () => {
  let ops: Ops
  let before: { readonly numTensors: number; readonly numBytes: number }
  beforeAll(async () => {
    ops = await startWasm()
  })
  beforeEach(() => {
    before = held()
  })

  function held(): { readonly numTensors: number; readonly numBytes: number } {
    const { numTensors, numBytes } = tf.memory()
    return { numTensors, numBytes }
  }

  /** The tiny SDXL. `onRead` runs before each tensor is read. */
  async function tinyFile(onRead: (reads: number) => void | Promise<void>): Promise<WeightFile> {
    const file = await openSafetensors(fromBytes(bytes))
    let reads = 0
    const entries = [...file.tensors].map(([name, { dtype, shape }]): [string, WeightEntry] => {
      const read = async (): Promise<Uint8Array> => {
        reads += 1
        await onRead(reads)
        return file.read(name)
      }
      return [name, { name, dtype, shape, read }]
    })
    return { label: "tiny", entries: new Map(entries) }
  }

  const load = (file: WeightFile, signal = new AbortController().signal) =>
    loadWatched(ops, file, tokenizer, {}, { signal, pause })

  async function pause(): Promise<void> {}

  async function finish(run: ReturnType<typeof load>) {
    const progress: { readonly done: number; readonly total: number | null }[] = []
    for (;;) {
      const next = await run.next()
      if (next.done === true) return { progress, sdxl: next.value }
      progress.push(next.value)
    }
  }

  it("loads the VAE with the loader for wide values, where ops have one", async () => {
    const names = { usual: [] as string[], wide: [] as string[] }
    const naming = (which: keyof typeof names): Omit<WeightLoader, "wide"> => ({
      ...ops.load,
      conv2d(weight, bias) {
        names[which].push(weight.name)
        return ops.load.conv2d(weight, bias)
      },
    })
    const load = { ...naming("usual"), wide: naming("wide") }
    const run = loadWatched(...([{ ...ops, load }, await tinyFile(() => {}), tokenizer, {}] as const), {
      signal: new AbortController().signal,
      pause,
    })
    const { sdxl } = await finish(run)
    const parts = (of: readonly string[]): ReadonlySet<string | undefined> =>
      new Set(of.map((name) => name.split(".")[0]))
    expect(parts(names.wide)).toEqual(new Set(["first_stage_model"]))
    expect(parts(names.usual)).toEqual(new Set(["model"]))
    sdxl.dispose()
    expect(held()).toEqual(before)
  })

  it("reports the bytes of all tensors, and gives a model that frees them", async () => {
    const { progress, sdxl } = await finish(load(await tinyFile(() => {})))
    const last = progress.at(-1)
    expect(last?.done).toBe(last?.total)
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b))
    expect(sdxl.ops).toBe(ops)
    expect(held().numTensors).toBeGreaterThan(before.numTensors)
    sdxl.dispose()
    expect(held()).toEqual(before)
  })

  it("stops inside of a load when aborted, throws the reason, and leaves nothing on the device", async () => {
    const controller = new AbortController()
    let reads = 0
    const file = await tinyFile((count) => {
      reads = count
      if (count === 50) controller.abort(new Error("enough"))
    })
    await expect(finish(load(file, controller.signal))).rejects.toThrow("enough")
    expect(reads).toBeLessThan(60)
    expect(held()).toEqual(before)
  })

  it("leaves nothing on the device when a tensor cannot be read", async () => {
    const file = await tinyFile((count) => {
      if (count === 50) throw new Error("the disk is gone")
    })
    await expect(finish(load(file))).rejects.toThrow("the disk is gone")
    expect(held()).toEqual(before)
  })

  it("leaves nothing on the device when its loop is left", async () => {
    const file = await tinyFile((count) =>
      count === 50 ? new Promise((resolve) => setTimeout(resolve, 150)) : undefined,
    )
    const run = load(file)
    expect(await run.next()).toMatchObject({ done: false, value: { kind: "read" } })
    await run.return(undefined as never)
    expect(held()).toEqual(before)
  })
})
