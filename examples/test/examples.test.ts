import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { readLllite } from "@lllite/format"
import { readImage } from "@lllite/runtime-node"
import { createServer } from "vite"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium } from "../../packages/format/test/chromium.ts"
import { launchWithWebgpu } from "../../packages/runtime-web/test/browser.ts"

/*
 * Every example is run as a reader runs it, against the built packages: `turbo run build` comes first.
 */

const examples = fileURLToPath(new URL("..", import.meta.url))
const numbered = readdirSync(examples)
  .filter((name) => /^\d\d-/.test(name))
  .sort()

/** What each example prints, and the files that it leaves. */
const OUTCOMES: Readonly<Record<string, { readonly prints?: RegExp; readonly leaves?: readonly string[] }>> = {
  "01-inspect-a-file.js": { prints: /LLLite.*: \d+ sites, \d+ parameters/ },
  "02-generate.js": { prints: /step 8 of 8/, leaves: ["02-generate.png"] },
  "03-steer.js": { leaves: ["03-steer-0.png", "03-steer-1.png"] },
  "04-two-lllites.js": { leaves: ["04-two-lllites.png"] },
  "05-train.js": { prints: /step 3 of 3: loss 0\.\d+/, leaves: ["05-train.safetensors"] },
  "06-own-data-set.js": { prints: /kind: 'step',\s+step: 2,/ },
  "08-own-sampler.js": { leaves: ["08-own-sampler.png"] },
  "09-own-adapter.js": { leaves: ["09-own-adapter.png"] },
  "10-plan-memory.js": { prints: /generate at 512 px: \d+\.\d\d GiB[\s\S]*train at 512 px: \d+\.\d\d GiB/ },
  "11-merge-and-resize.js": { prints: /mlpDim 64 → 128/, leaves: ["11-merged.safetensors", "11-wide.safetensors"] },
  "12-continue-a-run.js": { prints: /left after step 2[\s\S]*step 3 of 4[\s\S]*step 4 of 4/ },
}

describe("the examples", () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "lllite-examples-"))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it("are at least twelve, numbered without a gap, each with an outcome here", () => {
    expect(numbered.length).toBeGreaterThanOrEqual(12)
    expect(numbered.map((name) => Number(name.slice(0, 2)))).toEqual(numbered.map((_, i) => i + 1))
    expect([...Object.keys(OUTCOMES), "07-browser-page"].sort()).toEqual(numbered)
  })

  it("take under 40 lines each", () => {
    const files = numbered.map((name) => (name.endsWith(".js") ? name : `${name}/page.js`))
    for (const file of files) expect(readFileSync(join(examples, file), "utf8").split("\n").length - 1).toBeLessThan(40)
  })

  it.each(Object.entries(OUTCOMES))("%s runs", async (name, { prints, leaves = [] }) => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(examples, name)], { cwd: folder })
    if (prints !== undefined) expect(stdout).toMatch(prints)
    for (const file of leaves) {
      const path = join(folder, file)
      if (file.endsWith(".png")) expect(await readImage(path)).toMatchObject({ width: 128, height: 128 })
      else expect((await readLllite(readFileSync(path))).sites.length).toBeGreaterThan(0)
    }
  })

  it("steers with a control: the pictures with and without it differ", () => {
    const [without, steered] = [0, 1].map((strength) => readFileSync(join(folder, `03-steer-${strength}.png`)))
    expect(without?.equals(steered ?? new Uint8Array())).toBe(false)
  })

  it("07-browser-page draws in Chromium", needsChromium, async () => {
    expect(existsSync(join(examples, "../packages/runtime-web/dist/worker.js"))).toBe(true)
    const server = await createServer({
      root: join(examples, "07-browser-page"),
      configFile: false,
      logLevel: "error",
      cacheDir: join(folder, "vite"),
      server: { host: "127.0.0.1", port: 0, fs: { allow: [join(examples, "..")] } },
    })
    await server.listen()
    const browser = await launchWithWebgpu()
    try {
      const page = await browser.newPage()
      page.setDefaultTimeout(0)
      await page.goto(server.resolvedUrls?.local[0] as string)
      await page.waitForFunction(() => document.querySelector("#state")?.textContent === "Done.")
      const colours = await page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>("#picture")
        return new Set(canvas?.getContext("2d")?.getImageData(0, 0, 128, 128).data).size
      })
      expect(colours).toBeGreaterThan(10)
    } finally {
      await browser.close()
      await server.close()
    }
  })
})
