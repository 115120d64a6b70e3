import { deflateSync } from "node:zlib"
import { pngFile, pngRows } from "@lllite/core/image"
import { describe, expect, it } from "vitest"
import { readPngInfo } from "./png-text.ts"

const image = { width: 3, height: 2, data: new Uint8Array(18) }
const png = (text: ReadonlyMap<string, string>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(pngFile(image, deflateSync(pngRows(image)), text))

/** A PNG with a further chunk before its end. */
function withChunk(type: string, body: Uint8Array): Blob {
  const whole = png(new Map())
  const head = new Uint8Array(8)
  new DataView(head.buffer).setUint32(0, body.length)
  head.set(new TextEncoder().encode(type), 4)
  return new Blob([whole.subarray(0, -12), head, new Uint8Array(body), new Uint8Array(4), whole.subarray(-12)])
}

describe("readPngInfo", () => {
  it("reads the size, and the text that our writer writes, in every language", async () => {
    const text = new Map([
      ["prompt", "a red star"],
      ["negative-prompt", "赤い星 🐈"],
      ["empty", ""],
    ])
    expect(await readPngInfo(new Blob([png(text)]))).toEqual({ width: 3, height: 2, text })
  })

  it("unpacks text, and refuses one that unpacks to too much", async () => {
    const packed = (text: Uint8Array): Blob =>
      withChunk("zTXt", new Uint8Array([...Buffer.from("parameters"), 0, 0, ...deflateSync(text)]))
    const found = await readPngInfo(packed(Buffer.from("a star\nSteps: 8")))
    expect(found?.text.get("parameters")).toBe("a star\nSteps: 8")
    await expect(readPngInfo(packed(Buffer.alloc(17 * 1024 * 1024)))).rejects.toThrow("a text cannot be unpacked")
    await expect(readPngInfo(withChunk("zTXt", Buffer.from("a\0\0rubbish")))).rejects.toThrow("cannot be unpacked")
  })

  it("passes over text of an unknown form, and refuses a file that ends too early", async () => {
    expect((await readPngInfo(withChunk("iTXt", Buffer.from("no end"))))?.text.size).toBe(0)
    const whole = png(new Map([["prompt", "a star"]]))
    await expect(readPngInfo(new Blob([whole.subarray(0, 50)]))).rejects.toThrow("the file ends inside of the chunk")
    expect(await readPngInfo(new Blob(["GIF89a and so on, with many more bytes"]))).toBeNull()
  })
})
