import { describe, expect, it } from "vitest"
import { createWebRuntime } from "./runtime.ts"
import type { WorkerLike } from "./start-worker.ts"

/** A worker that gives the answers of a test, or none. */
function fakeWorker(answer: (send: (message: unknown) => void, id: number) => void) {
  const listeners: ((event: MessageEvent) => void)[] = []
  const log: string[] = []
  const worker = {
    postMessage(message: {
      readonly id: number
      readonly kind: string
      readonly argument?: { backend: string } | null
    }) {
      if (message.argument != null) log.push(message.argument.backend)
      if (message.kind !== "next") return
      answer(
        (data) => queueMicrotask(() => listeners.forEach((listen) => void listen({ data } as MessageEvent))),
        message.id,
      )
    },
    addEventListener(type: string, listener: (event: MessageEvent) => void) {
      if (type === "message") listeners.push(listener)
    },
    terminate: () => log.push("ended"),
  }
  return { worker: () => worker as unknown as WorkerLike, log }
}

const started = { backend: "wasm", version: "1", device: "CPU", notices: ["no SIMD"] } as const

describe("createWebRuntime", () => {
  it("ends and reports every backend that exceeds its time limit", async () => {
    const { worker, log } = fakeWorker(() => {})
    await expect(createWebRuntime({ worker, timeLimit: 0.02 })).rejects.toThrow(
      "no backend works here. webgpu is not used: webgpu did not start within 0.02 seconds. " +
        "wasm is not used: wasm did not start within 0.02 seconds",
    )
    expect(log).toEqual(["webgpu", "ended", "wasm", "ended"])
  })

  it("ends the worker and tries no other backend when it is aborted", async () => {
    const controller = new AbortController()
    const { worker, log } = fakeWorker(() => controller.abort(new Error("enough")))
    await expect(createWebRuntime({ worker, signal: controller.signal })).rejects.toThrow("enough")
    expect(log).toEqual(["webgpu", "ended"])
    await expect(createWebRuntime({ worker, signal: controller.signal })).rejects.toThrow("enough")
    expect(log).toHaveLength(2)
  })

  it("uses the next backend when the better one fails, and says why", async () => {
    let attempts = 0
    const { worker } = fakeWorker((send, id) => {
      const error = {
        name: "WebgpuOpsError",
        message: "no adapter",
        stack: undefined,
        isDomException: false,
        fields: {},
        cause: null,
      }
      send(++attempts === 1 ? { id, kind: "error", error } : { id, kind: "end", value: started })
    })
    const runtime = await createWebRuntime({ worker })
    expect(runtime).toMatchObject({ backend: "wasm", notices: ["webgpu is not used: no adapter", "no SIMD"] })
  })

  it("tries only the backend that is named", async () => {
    const { worker, log } = fakeWorker(() => {})
    await expect(createWebRuntime({ worker, backend: "wasm", timeLimit: 0.02 })).rejects.toThrow("no backend works")
    expect(log).toEqual(["wasm", "ended"])
  })

  it("refuses calls after it is disposed", async () => {
    const { worker, log } = fakeWorker((send, id) => send({ id, kind: "end", value: started }))
    const runtime = await createWebRuntime({ worker, backend: "wasm" })
    await runtime.dispose()
    expect(log).toEqual(["wasm", "ended"])
    await expect(runtime.memory()).rejects.toThrow("runtime: it was disposed. Create a new one.")
  })
})

describe("loadSdxl", () => {
  it("refuses text that is not an address before it calls the worker", async () => {
    const { worker } = fakeWorker((send, id) => send({ id, kind: "end", value: started }))
    const runtime = await createWebRuntime({ worker, backend: "wasm" })
    await expect(runtime.loadSdxl("C:\\model.safetensors")).rejects.toThrow(
      '"C:\\model.safetensors" is not an address, expected one that begins with https:// or http://. For a file on disk, pass a File.',
    )
  })
})
