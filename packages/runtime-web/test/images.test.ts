import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { decodePngText, readImage } from "@lllite/runtime-node"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium } from "../../format/test/chromium.ts"
import { oddPictures } from "../../runtime-node/test/odd-pictures.ts"
import type { WebPage } from "./web-page.ts"
import { openWebPage } from "./web-page.ts"

/*
 * Pictures in Chromium, compared with Node's: one file gives the same pixels. `turbo run build` comes first.
 */

describe("pictures in Chromium", needsChromium, () => {
  let web: WebPage
  let page: Page
  let work: string
  let files: Awaited<ReturnType<typeof oddPictures>>

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "lllite-images-"))
    files = await oddPictures()
    for (const [name, bytes] of files) await writeFile(join(work, name), bytes)
    const opaque = files.get("opaque.png") ?? new Uint8Array()
    await writeFile(join(work, "half.png"), opaque.subarray(0, opaque.length - 30))
    await writeFile(join(work, "old.bmp"), "BM")
    web = await openWebPage({ work })
    page = web.page
  })
  afterAll(async () => {
    await web?.close()
    await rm(work, { recursive: true, force: true })
  })

  it("have the pixels that they have in Node, with alpha dropped and orientation not applied", async () => {
    const names = [...files.keys()]
    const inTab = await page.evaluate(
      (names) =>
        Promise.all(
          names.map(async (name) => {
            const { width, height, data } = await window.web.readImage(`work/${name}`)
            return { width, height, data: [...data] }
          }),
        ),
      names,
    )
    for (const [i, name] of names.entries()) {
      const { width, height, data } = await readImage(join(work, name))
      const found = inTab[i]
      expect({ name, width: found?.width, height: found?.height }).toEqual({ name, width, height })
      // Decoders of JPEG round differently.
      const allowed = name.endsWith(".jpg") ? 2 : 0
      const error = Math.max(...data.map((value, j) => Math.abs(value - (found?.data[j] ?? 1000))))
      expect(error, name).toBeLessThanOrEqual(allowed)
      expect(await readImage(files.get(name) ?? "")).toEqual({ width, height, data })
    }
  })

  it("come from addresses, files, canvases and bitmaps alike", async () => {
    const same = await page.evaluate(async () => {
      const { readImage } = window.web
      const blob = await (await fetch("work/opaque.png")).blob()
      const bitmap = await createImageBitmap(blob)
      const canvas = document.createElement("canvas")
      canvas.width = bitmap.width
      canvas.height = bitmap.height
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0)
      const sources = [
        "work/opaque.png",
        new URL("work/opaque.png", location.href),
        URL.createObjectURL(blob),
        canvas.toDataURL(),
        blob,
        new File([blob], "opaque.png"),
        canvas,
        bitmap,
        canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? "",
      ]
      const images = await Promise.all(sources.map((source) => readImage(source)))
      return { texts: images.map((image) => JSON.stringify(image)), isOpen: bitmap.width > 0 }
    })
    expect(new Set(same.texts).size).toBe(1)
    expect(JSON.parse(same.texts[0] ?? "")).toMatchObject({ width: 5, height: 3 })
    // What was given stays usable.
    expect(same.isOpen).toBe(true)
  })

  it("are refused with the file's name and a code", async () => {
    const refusals = await page.evaluate(() => {
      const { readImage, WebRuntimeError } = window.web
      const sources = [
        "work/none.png",
        "work/old.bmp",
        "work/half.png",
        "file:///etc/hosts",
        new File(["GIF89a"], "a.gif"),
        "http://127.0.0.1:9/a.png",
      ]
      return Promise.all(
        sources.map((source) =>
          readImage(source).then(
            () => "taken",
            (error: unknown) => (error instanceof WebRuntimeError ? `${error.code}: ${error.message}` : String(error)),
          ),
        ),
      )
    })
    expect(refusals).toEqual([
      expect.stringMatching(/^server-status: ".*work\/none\.png": the server answered 404/),
      expect.stringMatching(/^not-a-picture: ".*old\.bmp" is not .*expected PNG, JPEG, WebP\. It is a BMP/),
      expect.stringMatching(
        /^picture-broken: ".*half\.png" is a broken picture \(.+\)\. Get a complete copy, or save it again/,
      ),
      expect.stringMatching(/^address: "file:\/\/\/etc\/hosts" is not an address/),
      expect.stringMatching(/^not-a-picture: "a\.gif" is not/),
      expect.stringMatching(/^connection-lost: ".*:9\/a\.png" cannot be read/),
    ])
  })

  it("are saved as a PNG that Node reads, with their text", async () => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.evaluate(async () => {
        const { readImage, writePng } = window.web
        const text = new Map([
          ["seed", "7"],
          ["prompt", "赤い星 ★"],
        ])
        await writePng("some/folder/picture.png", await readImage("work/alpha.webp"), text)
      }),
    ])
    expect(download.suggestedFilename()).toBe("picture.png")
    const path = join(work, "saved.png")
    await download.saveAs(path)
    expect(await readImage(path)).toEqual(await readImage(join(work, "alpha.webp")))
    expect([...decodePngText(new Uint8Array(await readFile(path)))]).toEqual([
      ["seed", "7"],
      ["prompt", "赤い星 ★"],
    ])
    const problems = await page.evaluate(() => {
      const { encodePng, CoreError } = window.web
      const image = { width: 1, height: 1, data: new Uint8Array(3) }
      const wrong = [encodePng(image, new Map([["", "x"]])), encodePng({ ...image, width: 2 })]
      return Promise.all(wrong.map((each) => each.catch((error) => error instanceof CoreError && error.code)))
    })
    expect(problems).toEqual(["png-keyword", "picture-data"])
  })

  it("with transparent pixels are refused where the browser has no WebGL", async () => {
    const refusal = await page.evaluate(async () => {
      const { getContext } = OffscreenCanvas.prototype
      Object.assign(OffscreenCanvas.prototype, {
        getContext(this: OffscreenCanvas, kind: "2d" | "webgl2") {
          return kind === "2d" ? Reflect.apply(getContext, this, [kind]) : null
        },
      })
      try {
        return await window.web.readImage("work/alpha.png").then(() => "taken", String)
      } finally {
        Object.assign(OffscreenCanvas.prototype, { getContext })
      }
    })
    expect(refusal).toMatch(/^WebRuntimeError: ".*alpha\.png" has transparent pixels.*Save it without transparency\.$/)
  })
})
