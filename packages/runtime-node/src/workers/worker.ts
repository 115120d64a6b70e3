import { parentPort } from "node:worker_threads"
import { chooseVaeParts } from "@lllite/core/memory"
import { selfCheck } from "@lllite/core/ops"
import type { RuntimeTasks, Server } from "@lllite/core/runtime"
import { createServer } from "@lllite/core/runtime"
import { createRuntimeTasks, loadWatched } from "@lllite/core/worker"
import { TOLERANCES } from "../backends/names.ts"
import { startBackend } from "../backends/start.ts"
import type { NodeRunningBackend } from "../backends/started-backend.ts"
import { readTokenizer } from "../checkpoint.ts"
import { readLlliteFile } from "../files/lllite-file.ts"
import { openAddition, openSdxl } from "../files/open-sdxl.ts"
import { footprintOf, type ModelPlace } from "../footprint.ts"
import type { VaePlace } from "../vae-room.ts"
import { vaeRoom } from "../vae-room.ts"
import { pause } from "./pause.ts"
import type { NodeTypes } from "./types.ts"
import { END } from "./types.ts"

/*
 * A thread that has a backend and holds models, adapters and trainings. No result depends on earlier work, so every
 * worker can do every part of a job.
 */

const port = parentPort
if (port === null) throw new Error("worker: this file runs only as a worker thread. Call createNodeRuntime instead.")

let running: NodeRunningBackend | null = null
let here: (VaePlace & ModelPlace) | null = null

const tasks = createRuntimeTasks<NodeTypes>(
  {
    isShared: true,

    async start({ backend, options, threads }) {
      running = await startBackend(backend, options)
      const { ops, device } = running
      await selfCheck(ops, TOLERANCES[options.precision ?? "F32"])
      const { maxTensorBytes } = ops
      here = {
        ...{ backend, device, threads, weights: options.weights ?? "file", precision: options.precision ?? "F32" },
        ...(maxTensorBytes === undefined ? {} : { maxTensorBytes }),
      }
      return running
    },

    // biome-ignore lint/correctness/useYield: opening files reports no progress
    async *openSdxl({ prediction: _, projection: __, ...paths }) {
      return openSdxl(paths)
    },

    async *load({ prediction, projection = "checkpoint", ...paths }, context) {
      const { files, notices, close } = await openSdxl(paths)
      try {
        const options = { prediction, projection }
        const sdxl = yield* loadWatched(started(running).ops, files, await readTokenizer(), options, context)
        return { ...sdxl, notices: [...(sdxl.notices ?? []), ...notices] }
      } finally {
        await close()
      }
    },

    // biome-ignore lint/correctness/useYield: reading an LLLite reports no progress
    async *readAdapter(path, layout) {
      return readLlliteFile(path, layout)
    },

    // biome-ignore lint/correctness/useYield: opening a file reports no progress
    async *openAddition(path, kind) {
      return openAddition(path, kind)
    },

    vaeParts: ({ vae }, picture) =>
      chooseVaeParts(vae.config, picture, vaeRoom(started(here), picture), footprintOf(started(here))),
  },
  () => server,
)
const server: Server = createServer<RuntimeTasks<NodeTypes>>(tasks, { pause })

server.listen({
  postMessage: (message) => port.postMessage(message),
  addEventListener: (_, listener) => port.on("message", (data) => data !== END && listener({ data })),
})
port.on("message", async (data) => {
  if (data !== END) return
  await server.end()
  // Of a worker thread, this ends the thread alone.
  process.exit()
})

function started<T>(value: T | null): T {
  if (value === null) throw new Error("worker: no backend is started. Call the task start first.")
  return value
}
