import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium } from "../../format/test/chromium.ts"
import type { SdxlHeader } from "./sdxl-header.ts"
import { sdxlHeader } from "./sdxl-header.ts"
import { openWebPage, type WebPage } from "./web-page.ts"

describe("the plan of a checkpoint in Chromium", needsChromium, () => {
  let web: WebPage
  let header: SdxlHeader
  /** Bytes of the checkpoint of real size that were sent. */
  let sent = 0

  beforeAll(async () => {
    header = await sdxlHeader()
    web = await openWebPage({
      answer: ({ headers }, response, path) => {
        if (path !== "/real/sdxl.safetensors") return false
        const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? []
        const [start, end] = [Number(from), Number(to) + 1]
        const part = Buffer.alloc(end - start)
        part.set(header.bytes.subarray(start, end))
        sent += part.length
        response.writeHead(206, { "content-range": `bytes ${start}-${end - 1}/${header.fileBytes}`, etag: '"1"' })
        response.end(part)
        return true
      },
    })
    await web.page.evaluate(async () => {
      window.runtime = await window.web.createWebRuntime({ backend: "wasm" })
    })
  })
  afterAll(() => web?.close())

  it("comes from the header of an address, and refuses by name what does not fit, with the figures", async () => {
    const plan = await web.page.evaluate(() =>
      window.runtime.planSdxl(new URL("real/sdxl.safetensors", location.href), { side: 512 }),
    )
    expect(plan).toMatchObject({
      fileBytes: header.fileBytes,
      layout: { modelChannels: 320 },
      need: { side: 512 },
      roomBytes: 2 ** 32,
    })
    expect(plan.need.weightBytes).toBeGreaterThan(9 * 2 ** 30)
    expect(plan.refusal).toMatch(
      /real\/sdxl\.safetensors": a picture of 512 px needs \d+\.\d GiB, weights in float32 \(\d+\.\d GiB\) included, and WebAssembly can address only 4 GiB\./,
    )
    expect(sent).toBeLessThan(header.bytes.length + 200_000)
  })

  it("fits for the tiny SDXL, loads nothing, and refuses a file of another kind", async () => {
    const { plan, memory, problem } = await web.page.evaluate(async () => {
      const tiny = await (await fetch("tiny/tiny-sdxl.safetensors")).blob()
      const plan = await window.runtime.planSdxl(new File([tiny], "tiny.safetensors"), { side: 128 })
      const lllite = await (await fetch("tiny/lllite-canny.safetensors")).blob()
      const problem = await window.runtime.planSdxl(lllite).then(String, String)
      return { plan, memory: await window.runtime.memory(), problem }
    })
    expect(plan).toMatchObject({ label: "tiny.safetensors", layout: { modelChannels: 64 }, refusal: null })
    expect(plan.need.generateBytes).toBeLessThan(2 ** 30)
    expect(memory.tensors).toBe(0)
    expect(problem).toContain("expected an SDXL checkpoint, this is a ControlNet-LLLite")
  })

  it("names a reference to the Hub that is none", async () => {
    const problem = await web.page.evaluate(() => window.runtime.planSdxl({ hub: "not a name" }).then(String, String))
    expect(problem).toContain('"not a name" is not a reference to the Hugging Face Hub, expected "owner/name"')
  })
})
