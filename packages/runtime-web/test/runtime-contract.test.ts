import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { RUNTIME_CASES, type RuntimeCase, type RuntimeSubject } from "@lllite/core/testing"
import type { Page } from "playwright-core"
import { build } from "vite"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium } from "../../format/test/chromium.ts"
import { writeOtherVae } from "../../runtime-node/test/other-vae.ts"
import type * as Web from "../src/index.ts"
import type { WebPage } from "./web-page.ts"
import { openWebPage } from "./web-page.ts"

/*
 * The contract of runtimes for the built package in Chromium, on WebAssembly. `turbo run build` comes first.
 */

declare global {
  interface Window {
    cases: readonly RuntimeCase[]
    subject: RuntimeSubject<Web.WebSource>
  }
}

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

describe("the browser's runtime in Chromium", needsChromium, () => {
  let web: WebPage
  let page: Page
  let work: string

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "lllite-contract-"))
    await writeOtherVae(join(work, "other-vae.safetensors"))
    await build({
      configFile: false,
      logLevel: "error",
      build: {
        outDir: join(work, "contract"),
        lib: {
          entry: folder("../../core/testing/runtime-contract/index.ts"),
          formats: ["es"],
          fileName: () => "contract.js",
        },
      },
    })
    web = await openWebPage({ work })
    page = web.page
    await page.addScriptTag({
      type: "module",
      content: 'import { RUNTIME_CASES } from "/work/contract/contract.js"; window.cases = RUNTIME_CASES',
    })
    await page.waitForFunction(() => window.cases !== undefined)
    await page.evaluate(() => {
      const here = (path: string) => ({ url: new URL(path, location.href), keep: false })
      const { createWebRuntime, CoreError, FormatError } = window.web
      window.subject = {
        create: () => createWebRuntime({ backend: "wasm" }),
        checkpoint: here("tiny/tiny-sdxl.safetensors"),
        otherVae: here("work/other-vae.safetensors"),
        lllite: here("tiny/lllite-canny.safetensors"),
        otherKind: here("tiny/lllite-canny.safetensors"),
        file: (bytes) => new Blob([bytes as Uint8Array<ArrayBuffer>]),
        async keepRun(runtime, run, { layout }) {
          const { writeTrainState, readTrainState } = runtime as Web.WebRuntime
          return readTrainState(await writeTrainState(run), layout)
        },
        sites: ({ layout }) => window.selections.enumerateSites(layout).slice(0, 4),
        classes: { CoreError, FormatError },
      }
    })
  })
  afterAll(async () => {
    await web?.close()
    await rm(work, { recursive: true, force: true })
  })

  it.each(RUNTIME_CASES.map(({ name }) => name))("%s", async (name) => {
    const problem = await page.evaluate(async (name) => {
      const found = window.cases.find((one) => one.name === name)
      if (found === undefined) return `there is no case "${name}"`
      return found.run(window.subject).then(
        () => null,
        (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
      )
    }, name)
    expect(problem).toBeNull()
  })
})
