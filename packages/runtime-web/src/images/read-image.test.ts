import { afterEach, describe, expect, it, vi } from "vitest"
import { type PictureSource, readImage } from "./read-image.ts"

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0)

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("readImage", () => {
  it.each([7, Number.NaN, true, null, undefined])("refuses %s in the place of a picture", async (source) => {
    await expect(readImage(source as unknown as PictureSource)).rejects.toThrow(/^readImage: the picture is /)
  })

  it("says where there is no browser", async () => {
    await expect(readImage(new Blob([PNG]))).rejects.toMatchObject({ code: "no-page" })
    await expect(readImage({} as PictureSource)).rejects.toThrow("readImage: there is no browser here")
  })

  it("tells an object of another class from a picture that is broken", async () => {
    vi.stubGlobal("createImageBitmap", async (source: unknown) => {
      if (source instanceof Blob) throw new TypeError("The source could not be decoded")
      if (source instanceof Map) throw new DOMException("The image is broken", "InvalidStateError")
      throw new TypeError("The provided value is not of type ImageBitmapSource")
    })
    await expect(readImage({} as PictureSource)).rejects.toMatchObject({
      code: "not-a-picture",
      message: expect.stringMatching(/^readImage: the picture is another object, expected an address, a File, /),
    })
    const broken = "the picture is a broken picture (The image is broken). Get a complete copy"
    await expect(readImage(new Map() as unknown as PictureSource)).rejects.toThrow(broken)
    await expect(readImage(new Blob([PNG]))).rejects.toMatchObject({ code: "picture-broken" })
  })
})
