import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { CoreError } from "@lllite/core"
import { RUNTIME_CASES, type RuntimeSubject } from "@lllite/core/testing"
import { FormatError } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  createNodeRuntime,
  InputError,
  loadCheckpoint,
  type NodeRuntime,
  readTrainState,
  startBackend,
  writeTrainState,
} from "../src/index.ts"
import { writeOtherVae } from "./other-vae.ts"

/*
 * The contract of runtimes for Node's runtime, on WebAssembly in two threads. The threads load the built core, so
 * `turbo run build` comes first.
 */

const LLLITE = fileURLToPath(new URL("../../tiny/model/lllite-canny.safetensors", import.meta.url))

describe("Node's runtime", () => {
  let folder: string
  let files = 0
  let subject: RuntimeSubject<string>
  const created: NodeRuntime[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-contract-"))
    const otherVae = join(folder, "other-vae.safetensors")
    await writeOtherVae(otherVae)
    subject = {
      async create() {
        const runtime = await createNodeRuntime({ backend: "wasm", threads: 2 })
        created.push(runtime)
        return runtime
      },
      checkpoint: "tiny",
      otherVae,
      lllite: LLLITE,
      otherKind: LLLITE,
      async file(bytes) {
        const path = join(folder, `${files++}.safetensors`)
        await writeFile(path, bytes)
        return path
      },
      async keepRun(_, run, { layout }) {
        const state = join(folder, `${files++}-state`)
        await mkdir(state)
        await writeTrainState(state, run)
        return readTrainState(state, layout)
      },
      sites: ({ layout }) => enumerateSites(layout).slice(0, 4),
      classes: { CoreError, FormatError },
    }
  })
  afterAll(async () => {
    for (const runtime of created) await runtime.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  it.each(RUNTIME_CASES.map(({ name, run }) => [name, run] as const))("%s", (_, run) => run(subject))

  it("stops while it starts, loads, and reads a checkpoint in the caller's thread", async () => {
    const reason = new Error("enough")
    const controller = new AbortController()
    const starting = createNodeRuntime({ backend: "wasm", threads: 1, signal: controller.signal })
    controller.abort(reason)
    await expect(starting).rejects.toBe(reason)
    await expect(createNodeRuntime({ signal: controller.signal })).rejects.toBe(reason)
    const { ops } = await startBackend("cpu")
    await expect(loadCheckpoint(ops, "tiny", { signal: controller.signal })).rejects.toBe(reason)
    const runtime = await createNodeRuntime({ backend: "wasm", threads: 1 })
    const loading = runtime.loadSdxl("tiny")
    const first = runtime.dispose()
    expect(runtime.dispose()).toBe(first)
    await expect(loading).rejects.toMatchObject({ code: "disposed" })
    await first
  })

  it("keeps the class of InputError, too", async () => {
    const runtime = await createNodeRuntime({ backend: "wasm", threads: 1 })
    const sdxl = await runtime.loadSdxl("tiny")
    const error: unknown = await runtime.loadAdapter(join(folder, "nothing.safetensors"), sdxl).catch((error) => error)
    expect(error).toBeInstanceOf(InputError)
    await runtime.dispose()
  })
})
