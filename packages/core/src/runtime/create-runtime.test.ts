import { describe, expect, it } from "vitest"
import type { Client } from "../channel/client.ts"
import { createRuntime } from "./create-runtime.ts"
import { LOAD_SDXL_KINDS } from "./option-kinds.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"

const LAYOUT = { modelChannels: 16, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const REASON = new Error("the reason of this abort")

/** A runtime with one worker, which loads anything, and aborts before it answers. */
async function loading(controller: AbortController | null) {
  const calls: string[] = []
  const answer = async (name: string): Promise<unknown> => {
    calls.push(name)
    if (!name.startsWith("unload")) controller?.abort(REASON)
    return { layout: LAYOUT, adapters: [], notices: [] }
  }
  const client = { call: answer, fail: () => {} } as unknown as Client<RuntimeTasks<RuntimeTypes>>
  const runtime = await createRuntime({
    loadKinds: LOAD_SDXL_KINDS,
    started: { backend: "wasm", version: "1", device: "CPU", notices: [] },
    clients: [client],
    checkpoint: (source: string) => source,
    file: (source: string) => source,
    close: () => {},
  })
  return { runtime, calls }
}

describe("a call that is aborted when its workers have just ended", () => {
  it("throws the signal's reason, and frees what was loaded", async () => {
    const { runtime: whole } = await loading(null)
    const sdxl = await whole.loadSdxl("a")
    const first = new AbortController()
    const of = await loading(first)
    await expect(of.runtime.loadSdxl("a", { signal: first.signal })).rejects.toBe(REASON)
    expect(of.calls).toEqual(["load", "unload"])
    const second = new AbortController()
    const adapter = await loading(second)
    await expect(adapter.runtime.loadAdapter("a", sdxl, { signal: second.signal })).rejects.toBe(REASON)
    expect(adapter.calls).toEqual(["loadAdapter", "unloadAdapter"])
    const third = new AbortController()
    const inversion = await loading(third)
    await expect(inversion.runtime.readTextualInversion("a", { signal: third.signal })).rejects.toBe(REASON)
  })

  it("gives what was loaded where the signal stays silent", async () => {
    const { runtime, calls } = await loading(null)
    const sdxl = await runtime.loadSdxl("a", { signal: new AbortController().signal })
    expect((await runtime.loadAdapter("a", sdxl, { signal: new AbortController().signal })).adapters).toEqual([])
    expect(calls).toEqual(["load", "loadAdapter"])
  })
})
