import { createTokenizer, fileTensor, joinedParts, readLlliteModel } from "@lllite/core/models"
import type { Port, Server, TaskContext } from "@lllite/core/runtime"
import { createServer } from "@lllite/core/runtime"
import { readSavedRun, savedRunChunks } from "@lllite/core/training"
import { createRuntimeTasks, loadWatched } from "@lllite/core/worker"
import type { UnetLayout } from "@lllite/format"
import { llliteOf, openSafetensors } from "@lllite/format"
import { expectLllite } from "@lllite/format/identify"
import { fetchWithin } from "@lllite/format/remote"
import { llliteChunks } from "@lllite/format/write"
import { WebRuntimeError } from "../errors.ts"
import type { WebTasks } from "../tasks.ts"
import type { SentSource, WebTypes } from "../types.ts"
import type { WebRunningBackend } from "./backend.ts"
import { startBackend } from "./backend.ts"
import { openAddition, openCheckpoint } from "./checkpoint.ts"
import { expectRoom, needOf, vaePartsOf } from "./memory.ts"
import { planSdxlOn } from "./sdxl-plan.ts"
import { openSource } from "./source.ts"
import { headerOf, planTrainOn } from "./train-need.ts"

/*
 * The worker has one backend, holds the models, and does all long work. The page refers to them by ids.
 */

/** Address of CLIP's merges, which lie beside the worker. */
const MERGES = new URL("./clip-merges.txt", import.meta.url).href

let running: WebRunningBackend | null = null

const runtimeTasks = createRuntimeTasks<WebTypes>(
  {
    // A page shares memory only if its server isolates it.
    isShared: false,

    async start(options) {
      running = await startBackend(options)
      return running
    },

    async *load({ prediction, projection, side, ...sources }, context) {
      const backend = started()
      const { files, notices } = yield* openCheckpoint(sources, context.signal)
      const whole = joinedParts(files)
      const need = await needOf(whole, side, backend)
      yield { kind: "plan", need, header: headerOf(whole) }
      expectRoom(whole.label, need, backend)
      const tokenizer = createTokenizer(await fetchText(MERGES, context.signal))
      const options = { prediction: prediction ?? undefined, projection }
      const sdxl = yield* loadWatched(backend.ops, files, tokenizer, options, context)
      return { ...sdxl, notices: [...(sdxl.notices ?? []), ...notices] }
    },

    async *openSdxl(sources, { signal }) {
      return { ...(yield* openCheckpoint(sources, signal)), close: async () => {} }
    },

    readAdapter,
    openAddition: (source, kind, { signal }) => openAddition(source, kind, signal),
    vaeParts: ({ vae }, picture) => vaePartsOf(started(), vae.config, picture),
  },
  () => server,
)

const server: Server = createServer<WebTasks>({
  ...runtimeTasks,

  async *readLllite({ source, layout }, context) {
    return yield* readAdapter(source, layout, context)
  },

  async *writeLllite({ model, dtype, metadata }) {
    const sites = model.adapters.map(({ site, ...dims }) => ({ ...site, ...dims }))
    const parts: Uint8Array[] = []
    const values = (site: (typeof sites)[number], name: Parameters<typeof fileTensor>[2]): Float32Array =>
      fileTensor(model, site, name)
    for await (const part of llliteChunks({ sites, values, dtype, metadata })) parts.push(part)
    return fileOf(parts)
  },

  async *readTrainState({ source, layout }, { signal }) {
    return readSavedRun(await openSafetensors(yield* openSource(source, signal)), layout)
  },

  // biome-ignore lint/correctness/useYield: one answer
  async *writeTrainState(run) {
    const parts: Uint8Array[] = []
    for await (const part of savedRunChunks(run)) parts.push(part)
    return fileOf(parts)
  },

  // biome-ignore lint/correctness/useYield: one answer
  async *planSdxl({ source, side }, { signal }) {
    return planSdxlOn(started(), source, side, signal)
  },

  // biome-ignore lint/correctness/useYield: one answer
  async *planTrain({ header, task }) {
    return planTrainOn(started(), header, task)
  },
})
server.listen(globalThis as unknown as Port)

async function* readAdapter(source: SentSource, layout: UnetLayout, { signal }: TaskContext) {
  const file = await openSafetensors(yield* openSource(source, signal))
  expectLllite(file)
  return readLlliteModel(llliteOf(file, { layout }))
}

function fileOf(parts: readonly Uint8Array[]): Blob {
  return new Blob(parts as Uint8Array<ArrayBuffer>[], { type: "application/octet-stream" })
}

function started(): WebRunningBackend {
  if (running === null) throw new Error("worker: no backend is started. Call the task start first.")
  return running
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetchWithin(fetch, url, { signal }, url)
  if (response.ok) return response.text()
  throw new WebRuntimeError(
    "asset-missing",
    `"${url}": the server answered ${response.status}. The file is part of @lllite/runtime-web. Serve it beside worker.js.`,
  )
}
