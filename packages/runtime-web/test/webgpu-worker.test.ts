import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Browser, Page } from "playwright-core"
import type { InlineConfig } from "vite"
import { build, createServer } from "vite"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium, needsChromiumWebgpu } from "../../format/test/chromium.ts"
import { longOnly, needs, needsAll } from "../../format/test/needs.ts"
import { referenceFolder } from "../../format/test/reference.ts"
import type { FileServer } from "./browser.ts"
import { launchWithWebgpu, serveFolders } from "./browser.ts"
import type { Outcome, Suite, Task } from "./in-worker/tasks.ts"

/*
 * The kernels in a browser's worker, as Vite serves it in development and builds it for production. The browser
 * computes in software, which takes minutes. `turbo run build` comes first.
 */

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** How many numbers each compares. */
const SUITES: readonly (readonly [suite: Suite, compared: number])[] = [
  ["module", 88],
  ["diffusion", 179],
  ["text-vae", 7],
  ["unet", 152],
]
/** This suite makes pictures from prompts, which takes minutes. It runs only on the build for production. */
const PICTURES: typeof SUITES = [["pipeline", 14]]
/** What is quick enough for every run of the tests, on the build for production. */
const QUICK: readonly Suite[] = ["diffusion"]

describe("WebGPU in a worker of Chromium", needsAll(needsChromium, needsChromiumWebgpu), () => {
  let browser: Browser
  let files: FileServer
  let work: string

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "lllite-vite-"))
    const headers = { "access-control-allow-origin": "*" }
    files = await serveFolders({ "/core/": folder("../../core/data/"), "/": referenceFolder }, { headers })
    browser = await launchWithWebgpu()
  })
  afterAll(async () => {
    await browser?.close()
    await files?.close()
    await rm(work, { recursive: true, force: true })
  })

  const config = (): InlineConfig => ({
    configFile: false,
    root: folder("in-worker/"),
    cacheDir: join(work, "cache"),
    logLevel: "error",
    worker: { format: "es" },
    // If Vite found these one by one, it would reload the page during the test.
    optimizeDeps: {
      include: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-webgpu"],
    },
  })

  describe.each([
    [
      "in development",
      SUITES,
      longOnly,
      async () => {
        const server = await createServer({ ...config(), server: { port: 0, fs: { allow: [folder("../../..")] } } })
        await server.listen()
        return { url: server.resolvedUrls?.local[0] ?? "", close: () => server.close() }
      },
    ],
    [
      "in production",
      [...SUITES, ...PICTURES],
      needs("", true),
      async () => {
        const outDir = join(work, "dist")
        await build({ ...config(), build: { outDir, target: "es2023" } })
        return serveFolders({ "/": outDir })
      },
    ],
  ] as const)("%s", (_, suites, when, serve) => {
    let served: { readonly url: string; close(): Promise<void> }
    let page: Page

    beforeAll(async () => {
      served = await serve()
      page = await browser.newPage()
      page.setDefaultTimeout(600_000)
      await page.goto(served.url)
      await page.waitForFunction(() => window.compute !== undefined)
    })
    afterAll(async () => {
      await page?.close()
      await served?.close()
    })

    const compute = async (what: string, task: Task): Promise<Outcome> => {
      const start = performance.now()
      const outcome = await page.evaluate((task) => window.compute(task), task)
      const seconds = ((performance.now() - start) / 1000).toFixed(0)
      console.info(
        `WebGPU: ${outcome.adapter}, ${what}: worst error ${outcome.worstError.toExponential(1)}, ${seconds} s`,
      )
      return outcome
    }

    it("keeps tuned tiles for later workers", when, async () => {
      expect(await page.evaluate(() => window.tuned(2))).toBe(1)
      expect(await page.evaluate(() => window.tuned(1))).toBe(0)
    })

    it("asks of the device what it asks in Node: nothing new, and few submits", when, async () => {
      const { boundBuffers, ...counts } = await page.evaluate(() => window.counted())
      console.info(`WebGPU: a pass, with ${boundBuffers} buffers bound: ${JSON.stringify(counts)}`)
      expect(counts).toMatchObject({ pipelines: 0, bindGroups: 0, buffers: 0, reads: 1 })
      expect(counts.submits).toBeLessThanOrEqual(8)
      // With 8 buffers it is 960, as `packages/webgpu/test/counts.test.ts` says, and with more of them less.
      expect(counts.dispatches).toBeLessThanOrEqual(960)
      expect(counts.dispatches).toBeGreaterThan(900)
    })

    it("keeps the contract of ops", longOnly, async () => {
      const { failed, compared } = await compute("ops", { kind: "ops" })
      expect(failed).toEqual([])
      expect(compared).toBeGreaterThan(180)
    })

    for (const [suite, count] of suites) {
      const isQuick = QUICK.includes(suite)
      it(`meets the reference's numbers of ${suite}`, isQuick ? when : longOnly, async () => {
        const task = { kind: "reference", suite, url: files.url, merges: `${files.url}core/clip-merges.txt` } as const
        const { failed, compared } = await compute(suite, task)
        expect(failed).toEqual([])
        expect(compared).toBe(count)
      })
    }
  })
})
