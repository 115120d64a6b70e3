import type { RgbImage } from "@lllite/core/image"
import { MOST_PICTURE_PIXELS, otherFormatHint, PICTURE_SIGNATURE_BYTES, pictureFormatOf } from "@lllite/core/image"
import { checkArgument } from "@lllite/core/names"
import { WebRuntimeError } from "../errors.ts"
import { addressOf } from "../source.ts"
import { withoutExif } from "./orientation.ts"

/** A picture: its address, a `File` that was picked or dropped, or what a page shows, such as a canvas. */
export type PictureSource = string | URL | ImageBitmapSource

/**
 * Reads a PNG, JPEG or WebP as eight-bit RGB, as `readImage` of `@lllite/runtime-node` does. Alpha is dropped and not
 * blended. Orientation in EXIF and colour profiles are not applied. An animation gives its first picture. A canvas, an
 * `ImageBitmap` or a drawn `<img>` is read in its own size.
 *
 * @param source an address, also of `blob:` or `data:`; a `File` or `Blob`; a canvas, an `ImageBitmap` or `ImageData`
 * @throws WebRuntimeError when the address cannot be read, or the picture is of another format, is broken, or has over
 * 100 million pixels
 */
export async function readImage(source: PictureSource): Promise<RgbImage> {
  if (typeof source === "string" || source instanceof URL) {
    const address = addressOf(source, PICTURE_PROTOCOLS)
    return readBlob(await fetchPicture(address), `"${shortened(address)}"`)
  }
  checkArgument("readImage: the picture", source, "an object")
  if (source instanceof Blob) return readBlob(source, source instanceof File ? `"${source.name}"` : "the picture")
  return readPixels(() => createImageBitmap(source, AS_IT_IS).catch(refuseOther), "the picture")
}

/** A browser takes some classes of objects only, and calls all others a wrong type. */
function refuseOther(cause: unknown): never {
  if (!(cause instanceof TypeError)) throw cause
  const expected = "an address, a File, a Blob, a canvas, an image of the page, an ImageBitmap or ImageData"
  throw new WebRuntimeError("not-a-picture", `readImage: the picture is another object, expected ${expected}`, {
    cause,
  })
}

const PICTURE_PROTOCOLS = ["https:", "http:", "blob:", "data:"]
const AS_IT_IS: ImageBitmapOptions = { colorSpaceConversion: "none", premultiplyAlpha: "none" }

async function fetchPicture(address: string): Promise<Blob> {
  const response = await fetch(address).catch((cause: unknown) => {
    throw new WebRuntimeError(
      "connection-lost",
      `"${shortened(address)}" cannot be read. Check the connection, and whether the server allows this page (CORS).`,
      { cause },
    )
  })
  if (response.ok) return response.blob()
  throw new WebRuntimeError(
    "server-status",
    `"${shortened(address)}": the server answered ${response.status}. Check the address.`,
  )
}

async function readBlob(blob: Blob, label: string): Promise<RgbImage> {
  const bytes = new Uint8Array(await blob.arrayBuffer())
  const first = bytes.subarray(0, PICTURE_SIGNATURE_BYTES)
  const format = pictureFormatOf(first)
  if (format === null) {
    throw new WebRuntimeError("not-a-picture", `${label} is not a picture that can be read, ${otherFormatHint(first)}`)
  }
  const type = `image/${format.toLowerCase()}`
  return readPixels(() => createImageBitmap(new Blob([withoutExif(bytes, format)], { type }), AS_IT_IS), label)
}

async function readPixels(decode: () => Promise<ImageBitmap>, label: string): Promise<RgbImage> {
  if (typeof createImageBitmap === "undefined") {
    throw new WebRuntimeError("no-page", "readImage: there is no browser here. In Node, call that of runtime-node.")
  }
  const bitmap = await decode().catch((cause: unknown) => {
    if (cause instanceof WebRuntimeError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new WebRuntimeError(
      "picture-broken",
      `${label} is a broken picture (${reason}). Get a complete copy, or save it again.`,
      { cause },
    )
  })
  try {
    if (bitmap.width * bitmap.height > MOST_PICTURE_PIXELS) {
      throw new WebRuntimeError(
        "picture-size",
        `${label} has more than ${MOST_PICTURE_PIXELS / 1e6} million pixels. Make it smaller.`,
      )
    }
    return rgbOf(bitmap, label)
  } finally {
    bitmap.close()
  }
}

function rgbOf(bitmap: ImageBitmap, label: string): RgbImage {
  const { width, height } = bitmap
  const pixels = drawnPixels(bitmap)
  const hasAlpha = pixels.some((value, i) => i % 4 === 3 && value < 255)
  const rgba = hasAlpha ? texturePixels(bitmap, label) : pixels
  const data = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from] as number
    data[to + 1] = rgba[from + 1] as number
    data[to + 2] = rgba[from + 2] as number
  }
  return { width, height, data }
}

/** The pixels by a canvas. Exact where nothing is transparent: a canvas keeps colours multiplied by alpha. */
function drawnPixels(bitmap: ImageBitmap): Uint8ClampedArray {
  const { width, height } = bitmap
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })
  if (context === null)
    throw new WebRuntimeError("no-canvas", "this browser gives the page no canvas. Reload the page.")
  context.drawImage(bitmap, 0, 0)
  return context.getImageData(0, 0, width, height).data
}

/** The pixels by a texture, which keeps the colours of transparent pixels. */
function texturePixels(bitmap: ImageBitmap, label: string): Uint8Array {
  const { width, height } = bitmap
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2")
  const pixels = new Uint8Array(width * height * 4)
  if (gl !== null) {
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture())
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false)
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, bitmap)
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer())
    const texture = gl.getParameter(gl.TEXTURE_BINDING_2D)
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0)
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels)
    const isRead = gl.getError() === gl.NO_ERROR
    gl.getExtension("WEBGL_lose_context")?.loseContext()
    if (isRead) return pixels
  }
  throw new WebRuntimeError(
    "no-canvas",
    `${label} has transparent pixels, whose colours this browser gives only through WebGL, and that failed. Save it without transparency.`,
  )
}

/** An address for a message. That of `data:` holds the whole picture. */
function shortened(address: string): string {
  return address.length <= 120 ? address : `${address.slice(0, 120)}…`
}
