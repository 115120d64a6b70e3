import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { canny, edgeF1, greyToRgb, type RgbImage, rgbToGrey } from "@lllite/core/image"
import { createNodeRuntime, type NodeBackend, type NodeRuntime, type SdxlHandle } from "@lllite/runtime-node"
import { captionOf, drawScene, heldOutSeed, makeScene, trainingSeed } from "@lllite/tiny"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium, needsChromiumWebgpu } from "../../format/test/chromium.ts"
import { longOnly, needs } from "../../format/test/needs.ts"
import { chooseDriver } from "../../webgpu/test/drivers.ts"
import type * as Web from "../src/index.ts"
import type { WebPage } from "./web-page.ts"
import { openWebPage } from "./web-page.ts"

/*
 * The tiny model in Node and in Chromium, on WebAssembly and on WebGPU: one seed gives one picture. An LLLite is
 * trained in the tab until it steers in Node. `turbo run build` comes first.
 */

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const SHIPPED = folder("../../tiny/model/lllite-canny.safetensors")

chooseDriver("lavapipe", "swiftshader")
const hasDriver = process.env.VK_ICD_FILENAMES !== undefined

interface Drawing {
  readonly prompt: string
  readonly image: RgbImage
  /** Its edges, white on black. */
  readonly control: RgbImage
}

function draw(seed: number, index: number, size: number): Drawing {
  const scene = makeScene(seed, index)
  const image = drawScene(scene, size)
  return { prompt: captionOf(scene), image, control: greyToRgb(edgesOf(image)) }
}

const edgesOf = (image: RgbImage) => canny(rgbToGrey(image), { low: 100, high: 200 })

/** The input of every runtime: a seed, and an LLLite's file or none. */
interface Picture {
  readonly drawing: Drawing
  readonly size: number
  readonly steps: number
  readonly lllite: string | null
}

/** Decibels; infinite where two pictures are the same. */
function psnr(one: RgbImage, other: RgbImage): number {
  expect(other.data).toHaveLength(one.data.length)
  const error = one.data.reduce((sum, value, i) => sum + (value - (other.data[i] ?? 0)) ** 2, 0) / one.data.length
  return error === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(255 ** 2 / error)
}

interface InNode {
  readonly runtime: NodeRuntime
  readonly sdxl: SdxlHandle
}

async function drawInNode({ runtime, sdxl }: InNode, { drawing, size, steps, lllite }: Picture): Promise<RgbImage> {
  const { prompt, control } = drawing
  const adapters = lllite === null ? [] : [{ adapter: await runtime.loadAdapter(lllite, sdxl), control }]
  const options = { width: size, height: size, steps, guidanceScale: 1.5, adapters }
  for await (const event of sdxl.generate([{ prompt, seed: 7 }], options))
    if (event.kind === "image") return event.image
  throw new Error("the run ended without a picture")
}

describe("the tiny model, in Node and in Chromium", needsChromium, () => {
  let web: WebPage
  let page: Page
  let work: string
  let wasm: InNode

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "lllite-everywhere-"))
    wasm = await inNode("wasm")
    web = await openWebPage({ work })
    page = web.page
  })
  afterAll(async () => {
    await web?.close()
    await wasm?.runtime.dispose()
    await rm(work, { recursive: true, force: true })
  })

  async function inNode(backend: NodeBackend): Promise<InNode> {
    const runtime = await createNodeRuntime({ backend, threads: 1 })
    console.info(`${backend} in Node: ${runtime.version}`)
    return { runtime, sdxl: await runtime.loadSdxl("tiny") }
  }

  /** The picture from a separate runtime in the tab. `lllite` is an address here. */
  async function drawInTab(backend: Web.WebBackend, { drawing, size, steps, lllite }: Picture): Promise<RgbImage> {
    const { prompt, control } = drawing
    const input = { backend, size, steps, lllite, prompt, control: [...control.data] }
    const { version, data } = await page.evaluate(async ({ backend, size, steps, lllite, prompt, control }) => {
      const here = (path: string): URL => new URL(path, location.href)
      const runtime = await window.web.createWebRuntime({ backend, software: true, timeLimit: 600 })
      try {
        const sdxl = await runtime.loadSdxl({ url: here("tiny/tiny-sdxl.safetensors"), keep: false })
        const edges = { width: size, height: size, data: Uint8Array.from(control) }
        const adapters =
          lllite === null
            ? []
            : [{ adapter: await runtime.loadAdapter({ url: here(lllite), keep: false }, sdxl), control: edges }]
        const options = { width: size, height: size, steps, guidanceScale: 1.5, adapters }
        for await (const event of sdxl.generate([{ prompt, seed: 7 }], options)) {
          if (event.kind === "image") return { version: runtime.version, data: [...event.image.data] }
        }
        throw new Error("the run ended without a picture")
      } finally {
        runtime.dispose()
      }
    }, input)
    console.info(`${backend} in Chromium: ${version}`)
    return { width: size, height: size, data: Uint8Array.from(data) }
  }

  describe("one seed gives one picture", () => {
    const picture: Picture = { drawing: draw(heldOutSeed, 0, 64), size: 64, steps: 2, lllite: SHIPPED }
    let expected: RgbImage
    beforeAll(async () => {
      expected = await drawInNode(wasm, picture)
      // The LLLite changes the picture.
      expect(psnr(await drawInNode(wasm, { ...picture, lllite: null }), expected)).toBeLessThan(30)
    })

    const expectSame = (where: string, found: RgbImage): void => {
      const decibels = psnr(found, expected)
      console.info(`${where}: ${decibels.toFixed(1)} dB from WebAssembly in Node`)
      expect(decibels).toBeGreaterThan(40)
    }

    it("on WebGPU in Node", needs("a Vulkan driver. scripts/lavapipe.sh installs one", hasDriver), async () => {
      const webgpu = await inNode("webgpu")
      expectSame("WebGPU in Node", await drawInNode(webgpu, picture))
      await webgpu.runtime.dispose()
    })

    const inChromium = async (backend: "wasm" | "webgpu"): Promise<void> => {
      const inTab = { ...picture, lllite: "tiny/lllite-canny.safetensors" }
      expectSame(`${backend} in Chromium`, await drawInTab(backend, inTab))
    }
    it("in Chromium on wasm", () => inChromium("wasm"))
    it("in Chromium on webgpu", needsChromiumWebgpu, () => inChromium("webgpu"))
  })

  /** Trains in the tab on drawings, and writes the file that a page would let a user download to `work`. */
  async function trainInTab(
    name: string,
    changes: { readonly size: number; readonly count: number; readonly steps: number; readonly batchSize: number },
  ): Promise<void> {
    const { size, count, ...options } = changes
    const drawings = Array.from({ length: count }, (_, index) => draw(trainingSeed, index, size))
    const plain = drawings.map(({ prompt, image, control }) => ({
      ...{ caption: prompt, image: [...image.data], control: [...control.data] },
    }))
    const bytes = await page.evaluate(
      async ({ size, options, plain }) => {
        const runtime = await window.web.createWebRuntime({ backend: "wasm" })
        const url = new URL("tiny/tiny-sdxl.safetensors", location.href)
        const sdxl = await runtime.loadSdxl({ url, keep: false })
        const imageOf = (data: readonly number[]) => ({ width: size, height: size, data: Uint8Array.from(data) })
        const examples = plain.map(({ caption, image, control }, index) => ({
          ...{ name: `drawing ${index}`, caption, image: imageOf(image), control: imageOf(control) },
          size: { original: [size, size], crop: [0, 0], target: [size, size] } as const,
        }))
        const dataset = {
          count: examples.length,
          example: async (index: number) => examples[index] as (typeof examples)[number],
        }
        // The settings of the page.
        const training = sdxl.train(dataset, {
          sites: window.selections.enumerateSites(sdxl.layout),
          ...{
            condDim: 32,
            mlpDim: 64,
            init: "normalised",
            learningRate: 3e-3,
            objective: { minTimestep: 400 },
            seed: 1,
          },
          ...options,
        })
        for (;;) {
          const next = await training.next()
          if (next.done !== true) continue
          const file = await runtime.writeLllite(next.value.model, { dtype: "F32" })
          runtime.dispose()
          return [...new Uint8Array(await file.arrayBuffer())]
        }
      },
      { size, options, plain },
    )
    await writeFile(join(work, name), Uint8Array.from(bytes))
  }

  it("an LLLite that was trained in the tab has the same effect in Node", async () => {
    await trainInTab("short.safetensors", { size: 64, count: 2, steps: 2, batchSize: 2 })
    const picture = { drawing: draw(heldOutSeed, 1, 64), size: 64, steps: 2 }
    const inNode = await drawInNode(wasm, { ...picture, lllite: join(work, "short.safetensors") })
    const inTab = await drawInTab("wasm", { ...picture, lllite: "work/short.safetensors" })
    expect(psnr(inTab, inNode)).toBeGreaterThan(40)
    // It has learnt to change the picture.
    expect(await drawInNode(wasm, { ...picture, lllite: null })).not.toEqual(inNode)
  })

  it("an LLLite that was trained in the tab steers in Node", longOnly, async () => {
    await trainInTab("long.safetensors", { size: 128, count: 16, steps: 60, batchSize: 8 })
    const scores = { without: 0, with: 0 }
    const count = 6
    for (let index = 0; index < count; index++) {
      const drawing = draw(heldOutSeed, index, 128)
      for (const [use, lllite] of [
        ["without", null],
        ["with", join(work, "long.safetensors")],
      ] as const) {
        const found = await drawInNode(wasm, { drawing, size: 128, steps: 12, lllite })
        scores[use] += edgeF1(edgesOf(found), edgesOf(drawing.image)).f1 / count
      }
    }
    console.info(`edge F1 without ${scores.without.toFixed(2)}, with ${scores.with.toFixed(2)}`)
    expect(scores.with).toBeGreaterThan(scores.without + 0.3)
  })
})
