import { readFile, stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium, needsChromiumWebgpu } from "../../format/test/chromium.ts"
import { longOnly, needsAll } from "../../format/test/needs.ts"
import type * as Web from "../src/index.ts"
import type { FileServer } from "./browser.ts"
import type { WebPage } from "./web-page.ts"
import { openWebPage } from "./web-page.ts"

/*
 * The built package in a real browser, loaded by a page without a bundler. `turbo run build` comes first.
 */

declare global {
  interface Window {
    runtime: Web.WebRuntime
    sdxl: Web.SdxlHandle
  }
}

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const LLLITE = folder("../../tiny/model/lllite-canny.safetensors")

describe("the built runtime in Chromium", needsChromium, () => {
  let web: WebPage
  let server: FileServer
  let page: Page
  /** Byte at which the next answer of the broken server ends. */
  let breakAt: number | null = null

  beforeAll(async () => {
    const lllite = await readFile(LLLITE)
    web = await openWebPage({
      // A server of one file that can send ranges. Its connection fails at the byte that a test chooses.
      answer: ({ headers, method }, response, path) => {
        if (path !== "/broken/canny.safetensors") return false
        const from = headers["if-range"] === '"1"' ? Number(/^bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0) : 0
        const part = from > 0 ? { "content-range": `bytes ${from}-${lllite.length - 1}/${lllite.length}` } : {}
        response.writeHead(from > 0 ? 206 : 200, { etag: '"1"', "content-length": lllite.length - from, ...part })
        if (method === "HEAD") response.end()
        else if (breakAt === null) response.end(lllite.subarray(from))
        else response.write(lllite.subarray(from, breakAt))
        return true
      },
    })
    server = web.server
    page = web.page
  })
  afterAll(async () => {
    await web?.close()
  })

  it("uses WebAssembly when WebGPU computes in software, and says why", needsChromiumWebgpu, async () => {
    const { backend, device, notices } = await page.evaluate(async () => {
      window.runtime = await window.web.createWebRuntime()
      const { backend, device, notices } = window.runtime
      return { backend, device, notices }
    })
    expect({ backend, device }).toEqual({ backend: "wasm", device: "CPU" })
    expect(notices).toHaveLength(1)
    expect(notices[0]).toMatch(/^webgpu is not used: .*computes on the CPU/)
  })

  it("loads a checkpoint from an address, and reports every byte of it", async () => {
    const { told, channels } = await page.evaluate(async () => {
      const told: Web.LoadProgress[] = []
      const url = new URL("tiny/tiny-sdxl.safetensors", location.href)
      window.sdxl = await window.runtime.loadSdxl(
        { url, keep: false },
        { onProgress: (progress) => told.push(progress) },
      )
      return { told, channels: window.sdxl.layout.modelChannels }
    })
    const { size } = await stat(folder("../../tiny/model/tiny-sdxl.safetensors"))
    expect(channels).toBe(64)
    expect(told.filter(({ kind }) => kind === "download").at(-1)).toEqual({
      kind: "download",
      done: size,
      total: size,
    })
  })

  it("generates with a preview of each step, follows a control, and leaves no memory in use", async () => {
    const { before, after, events, differs } = await page.evaluate(async () => {
      const { runtime, sdxl } = window
      const bytes = await (await fetch("tiny/lllite-canny.safetensors")).blob()
      const adapter = await runtime.loadAdapter(new File([bytes], "canny.safetensors"), sdxl)
      const control = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3) }
      control.data.fill(255, 64 * 20 * 3, 64 * 24 * 3)
      const options = { width: 64, height: 64, steps: 2, guidanceScale: 1.5, previews: true }
      const request = { prompt: "a red star", seed: 1 }
      const before = await runtime.memory()
      const events: string[] = []
      const images: Uint8Array[] = []
      for (const adapters of [[], [{ adapter, control }]]) {
        for await (const event of sdxl.generate([request], { ...options, adapters })) {
          if (event.kind === "image") images.push(event.image.data)
          events.push(event.kind === "step" ? `step ${event.step}, ${event.previews[0]?.width} px` : event.kind)
        }
      }
      const differs = images[0]?.some((value, i) => value !== images[1]?.[i])
      const after = await runtime.memory()
      await adapter.dispose()
      return { before, after, events, differs }
    })
    const once = ["step 1, 64 px", "step 2, 64 px", "image"]
    expect(events).toEqual([...once, ...once])
    expect(differs).toBe(true)
    expect(after).toEqual(before)
  })

  it("stops before the next pass of the U-Net when aborted, or when its loop is left, and leaves no memory in use", async () => {
    const { before, after, reason, steps } = await page.evaluate(async () => {
      const { runtime, sdxl } = window
      const before = await runtime.memory()
      const options = { width: 64, height: 64, steps: 50, guidanceScale: 1, sampler: "heun" } as const
      const controller = new AbortController()
      const steps: number[] = []
      let reason = ""
      try {
        for await (const event of sdxl.generate([{ prompt: "", seed: 1 }], { ...options, signal: controller.signal })) {
          if (event.kind === "step") steps.push(event.step)
          // Arrives while the worker computes the second step.
          setTimeout(() => controller.abort(new Error("enough")), 1)
        }
      } catch (error) {
        reason = String(error)
      }
      for await (const _ of sdxl.generate([{ prompt: "", seed: 1 }], options)) break
      return { before, after: await runtime.memory(), reason, steps }
    })
    expect(reason).toBe("Error: enough")
    expect(steps.length).toBeLessThanOrEqual(2)
    expect(after).toEqual(before)
  })

  it("trains, stops inside of a step with the state so far, and leaves only the transposed weights", async () => {
    const found = await page.evaluate(async () => {
      const { runtime, sdxl, selections } = window
      const image = { width: 64, height: 64, data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7) % 256) }
      const size = { original: [64, 64], crop: [0, 0], target: [64, 64] } as const
      const example = async () => ({ name: "one", image, control: image, caption: "a red star", size })
      const options = {
        sites: selections.enumerateSites(sdxl.layout),
        ...{ condDim: 8, mlpDim: 8, steps: 2, batchSize: 1, seed: 1, learningRate: 1e-2, stateEvery: 2 },
      }
      const run = async (changes: object, onStep: () => void) => {
        const events: string[] = []
        const training = sdxl.train({ count: 1, example }, { ...options, ...changes })
        for (;;) {
          const next = await training.next()
          if (next.done === true) return { events, state: next.value }
          const event = next.value
          if (event.kind === "step") onStep()
          events.push(
            event.kind !== "step" ? event.kind : `step ${event.step}${event.state === null ? "" : " with state"}`,
          )
        }
      }
      const first = await run({}, () => {})
      const before = await runtime.memory()
      const controller = new AbortController()
      const changes = { steps: 1000, signal: controller.signal, objective: { gradientCheckpointing: true } }
      const stopped = await run(changes, () => setTimeout(() => controller.abort(), 1))
      const after = await runtime.memory()
      // The trained LLLite is written to a file and read again.
      const { model } = first.state
      const file = await runtime.writeLllite(model, { dtype: "F32", metadata: new Map([["modelspec.title", "one"]]) })
      const back = await runtime.readLllite(file, sdxl.layout)
      const isSame =
        model.values.length === back.values.length && model.values.every((value, i) => value === back.values[i])
      const moved = model.values.some((value) => value !== 0)
      return { first: first.events, stopped: stopped.state.step, before, after, isSame, moved, size: file.size }
    })
    expect(found.first).toEqual(["cache", "step 1", "step 2 with state"])
    expect(found.stopped).toBeLessThanOrEqual(2)
    expect(found.after).toEqual(found.before)
    expect(found).toMatchObject({ isSame: true, moved: true })
    expect(found.size).toBeGreaterThan(10_000)
  })

  it("continues a download after a reload, and keeps it", async () => {
    const url = `${server.url}broken/canny.safetensors`
    breakAt = 700_000
    const other = await web.openAnother()
    await other.evaluate(async (url) => {
      const runtime = await window.web.createWebRuntime({ backend: "wasm" })
      const layout = { modelChannels: 64 } as Web.SdxlHandle["layout"]
      await new Promise<void>((resolve) => {
        const onProgress = ({ done }: Web.LoadProgress): void => void (done >= 700_000 && resolve())
        runtime.readLllite(url, layout, { onProgress }).catch(() => {})
        // Progress is reported in intervals, so the last bytes may not be reported.
        setTimeout(resolve, 3000)
      })
    }, url)
    await other.reload()
    await other.waitForFunction(() => window.web !== undefined)
    breakAt = null
    const { sites, stored } = await other.evaluate(async (url) => {
      const { createWebRuntime, listStored } = window.web
      const runtime = await createWebRuntime({ backend: "wasm" })
      const sdxl = await runtime.loadSdxl({ url: new URL("tiny/tiny-sdxl.safetensors", location.href), keep: false })
      const { adapters } = await runtime.readLllite(url, sdxl.layout)
      const [file] = await listStored()
      const again = await runtime.readLllite({ stored: file?.name ?? "" }, sdxl.layout)
      return { sites: [adapters.length, again.adapters.length], stored: file }
    }, url)
    const ranges = server.requests.filter(({ path }) => path.startsWith("/broken/")).map(({ range }) => range)
    const { length } = await readFile(LLLITE)
    expect(ranges).toEqual([undefined, "bytes=700000-"])
    expect(stored).toMatchObject({ url, size: length, total: length, isWhole: true })
    expect(sites[0]).toBeGreaterThan(0)
    expect(sites[1]).toBe(sites[0])
    await other.close()
  })

  it("refuses files of another kind, and what is no file, by name", async () => {
    const messages = await page.evaluate(async () => {
      const { runtime, sdxl } = window
      const attempts = [
        () => runtime.loadSdxl(new URL("tiny/lllite-canny.safetensors", location.href)),
        () => runtime.readLllite(new File(["PK\u0003\u0004…"], "<b>.ckpt"), sdxl.layout),
        () => runtime.loadSdxl({ url: new URL("nowhere.safetensors", location.href), keep: false }),
        () => runtime.loadSdxl({ stored: "nothing" }),
        () => runtime.writeLllite({} as Parameters<typeof runtime.writeLllite>[0], { dtype: "F16" }),
        () => window.web.removeStored(7 as unknown as string),
        () => window.web.openStored(7 as unknown as string),
        () => runtime.loadSdxl({ url: "a.safetensors", kept: false } as unknown as string),
        () => runtime.loadSdxl({ url: "a.safetensors", keep: 0 } as unknown as string),
        () =>
          runtime.planTrain(sdxl, { width: 64, height: 64, lllite: null } as Parameters<typeof runtime.planTrain>[1]),
        () => window.web.removeStored(""),
      ]
      const messages: string[] = []
      for (const attempt of attempts) messages.push(await attempt().then(() => "taken", String))
      return messages
    })
    expect(messages[0]).toMatch(/^FormatError: .*expected an SDXL checkpoint, this is a ControlNet-LLLite/)
    expect(messages[1]).toMatch(/^FormatError: .*<b>\.ckpt.*zip archive/)
    expect(messages[2]).toMatch(/^WebRuntimeError: .*the server answered 404/)
    expect(messages[3]).toMatch(/^WebRuntimeError: "nothing": no such file is kept/)
    expect(messages.slice(4)).toEqual([
      "CoreError: writeLllite: the adapters of the LLLite is missing, expected a list",
      "CoreError: removeStored: the name is 7, expected text",
      "CoreError: openStored: the name is 7, expected text",
      'CoreError: load: the file: there is no option "kept". Did you mean "keep"? There are: url, keep, stored, hub.',
      "CoreError: load: the file: keep is 0, expected true or false",
      "CoreError: planTrain: rows is missing, expected a number",
      "taken",
    ])
  })

  it("frees idle buffers after it has drawn on WebGPU", needsAll(longOnly, needsChromiumWebgpu), async () => {
    const { drawn, memory } = await page.evaluate(async () => {
      const options = { width: 128, height: 128, steps: 1, guidanceScale: 1 }
      const runtime = await window.web.createWebRuntime({ backend: "webgpu", software: true, timeLimit: 600 })
      const sdxl = await runtime.loadSdxl({ url: new URL("tiny/tiny-sdxl.safetensors", location.href), keep: false })
      let drawn = 0
      for await (const event of sdxl.generate([{ prompt: "a red star", seed: 1 }], options)) {
        if (event.kind === "image") drawn += 1
      }
      const memory = await runtime.memory()
      runtime.dispose()
      return { drawn, memory }
    })
    expect(drawn).toBe(1)
    // The buffers that stay are smaller than 1 MiB each: 6.2 MiB together, and 18 without trimming.
    expect(memory.allocated - memory.bytes).toBeLessThan(7e6)
  })

  it("frees everything, and logs no error", async () => {
    const memory = await page.evaluate(async () => {
      await window.sdxl.dispose()
      return window.runtime.memory()
    })
    expect(memory.tensors).toBe(0)
    // The browser itself logs the address that answers 404.
    expect(web.problems.filter((problem) => !problem.includes("404"))).toEqual([])
  })
})
