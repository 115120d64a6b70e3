import { execFileSync } from "node:child_process"
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createRecipe, writeWorkflow } from "@lllite/core/recipe"
import { blankImage, encodePng } from "@lllite/runtime-node"
import { expect, it, onTestFinished } from "vitest"
import { launchChromium, needsChromium } from "../../../packages/format/test/chromium.ts"
import { needs, needsAll } from "../../../packages/format/test/needs.ts"
import { serve } from "./started-server.ts"

/* ComfyUI's own page in Chromium, against the built command and the embedded SDXL. */

const PYTHON = process.env.LLLITE_PYTHON ?? "python3"
const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

/** What the tests read of the page's own objects. */
interface ComfyPage {
  readonly LiteGraph?: { readonly registered_node_types: Readonly<Record<string, unknown>> }
  readonly app: {
    readonly graph: {
      readonly _nodes: readonly {
        readonly type: string
        readonly imgs?: readonly { readonly naturalWidth: number; readonly src: string }[]
      }[]
    }
    loadGraphData(workflow: unknown): Promise<void>
  }
}

const needsPage = needs(
  `comfyui-frontend-package in ${PYTHON}. LLLITE_PYTHON names another one`,
  hasPackage("comfyui_frontend_package"),
)

function hasPackage(name: string): boolean {
  try {
    execFileSync(PYTHON, ["-c", `import ${name}`], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

it(
  "shows our nodes, runs a workflow with an LLLite and shows its picture",
  needsAll(needsPage, needsChromium),
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "lllite-page-"))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await mkdir(join(folder, "models", "controlnet"), { recursive: true })
    await cp(LLLITE, join(folder, "models", "controlnet", "lllite-canny.safetensors"))
    const { url } = await serve(folder, "--models_dir", "models", "--python", PYTHON)
    // Else the page greets a new user with templates, of which there are none here.
    const settings = JSON.stringify({ "Comfy.TutorialCompleted": true })
    expect((await fetch(`${url}/api/settings`, { method: "POST", body: settings })).status).toBe(200)
    const form = new FormData()
    form.set("image", new Blob([new Uint8Array(encodePng(blankImage(64, 64, [250, 250, 250])))]), "edges.png")
    expect((await fetch(`${url}/upload/image`, { method: "POST", body: form })).status).toBe(200)
    const { ui } = writeWorkflow(
      createRecipe({
        ...{ prompt: "a red star", seed: 7, width: 64, height: 64, steps: 2, sampler: "euler", spacing: "uniform" },
        model: { checkpoint: { path: "tiny" } },
        adapters: [
          { file: { path: "lllite-canny.safetensors" }, control: { file: { path: "edges.png" }, fit: "stretch" } },
        ],
      }),
    )

    const browser = await launchChromium()
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    page.setDefaultTimeout(300_000)
    const outside: string[] = []
    const faults: string[] = []
    page.on("requestfinished", (request) => {
      if (!request.url().startsWith(url) && request.url().startsWith("http")) outside.push(request.url())
    })
    page.on("pageerror", (error) => faults.push(String(error)))
    await page.goto(url)
    await page.waitForFunction(() =>
      Object.hasOwn((globalThis as unknown as ComfyPage).LiteGraph?.registered_node_types ?? {}, "LLLiteLoader"),
    )
    const run = page.getByRole("button", { name: "Run", exact: true }).first()
    await run.waitFor()
    await page.evaluate((workflow) => (globalThis as unknown as ComfyPage).app.loadGraphData(workflow), ui)
    const types = await page.evaluate(() =>
      (globalThis as unknown as ComfyPage).app.graph._nodes.map(({ type }) => type),
    )
    expect(types).toContain("LLLiteLoader")
    await run.click()
    await page.waitForFunction(() => {
      const nodes = (globalThis as unknown as ComfyPage).app.graph._nodes
      return (nodes.find(({ type }) => type === "SaveImage")?.imgs?.[0]?.naturalWidth ?? 0) > 0
    })
    const shown = await page.evaluate(() => {
      const nodes = (globalThis as unknown as ComfyPage).app.graph._nodes
      return nodes.find(({ type }) => type === "SaveImage")?.imgs?.[0]
    })
    expect(shown).toBeDefined()
    const history = (await (await fetch(`${url}/history`)).json()) as Readonly<Record<string, object>>
    expect(Object.values(history)).toMatchObject([{ status: { status_str: "success" } }])
    expect(await (await fetch(`${url}/api/jobs`)).json()).toMatchObject({
      jobs: [{ status: "completed", preview_output: { mediaType: "images" } }],
      pagination: { total: 1, has_more: false },
    })
    // Nothing comes from other servers.
    expect([outside, faults]).toEqual([[], []])
  },
)
