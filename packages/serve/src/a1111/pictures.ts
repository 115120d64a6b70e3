import type { RgbImage } from "@lllite/core/image"
import { greyToRgb, pictureFormatOf } from "@lllite/core/image"
import type { FileReference } from "@lllite/core/recipe"
import type { Service } from "../service.ts"
import { A1111Error } from "./refusal.ts"

/** Loaded on demand: it brings TensorFlow.js and sharp, which the server has no other use for. */
const runtimeNode = () => import("@lllite/runtime-node")

/**
 * The bytes of a picture in Base64, with or without `data:image/png;base64,` before it. An address is not fetched, and a
 * path is not opened.
 *
 * @param place the field, which begins the message
 * @throws A1111Error for anything else
 */
export function pictureBytes(place: string, text: unknown): Uint8Array {
  if (typeof text !== "string" || text === "") throw new A1111Error(422, `Invalid encoded image: ${place} is not text.`)
  if (/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw new A1111Error(422, `Requests not allowed: ${place} is an address. Send the bytes of the picture in Base64.`)
  }
  const bytes = Buffer.from(text.replace(/^\s*data:[^,]*,/, ""), "base64")
  if (pictureFormatOf(bytes) === null) {
    throw new A1111Error(422, `Invalid encoded image: ${place} is not a PNG, JPEG or WebP in Base64.`)
  }
  return bytes
}

/** Decodes a picture of a request. @throws A1111Error when it is none, or has more pixels than pictures may have */
export async function decodePicture(
  service: Pick<Service, "limits">,
  place: string,
  bytes: Uint8Array,
): Promise<RgbImage> {
  const { readImage } = await runtimeNode()
  await checkPicture(service, place, bytes)
  return readImage(bytes)
}

/**
 * Decodes a mask: its brightness, or its alpha where that is not opaque everywhere.
 *
 * @throws A1111Error as `decodePicture`
 */
export async function decodeMask(
  service: Pick<Service, "limits">,
  place: string,
  bytes: Uint8Array,
): Promise<RgbImage> {
  const { examineImage } = await runtimeNode()
  await checkPicture(service, place, bytes)
  const { image, alpha } = await examineImage(bytes)
  return alpha === null || alpha.data.every((value) => value === 255) ? image : greyToRgb(alpha)
}

/** Keeps a picture of a request on the server. @returns its reference in recipes @throws A1111Error as `decodePicture` */
export async function keepPicture(service: Service, place: string, bytes: Uint8Array): Promise<FileReference> {
  await checkPicture(service, place, bytes)
  return kept(service, bytes)
}

/** Keeps a picture that was made of others. */
export async function keepImage(service: Service, image: RgbImage): Promise<FileReference> {
  const { encodePng } = await runtimeNode()
  return kept(service, encodePng(image))
}

async function kept({ contents }: Service, bytes: Uint8Array): Promise<FileReference> {
  const { sha256 } = await contents.add(one(bytes))
  return { path: `sha256:${sha256}`, sha256 }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** A picture beside the one that is drawn may be larger, up to this factor on the pixels. */
const LARGER = 4

async function checkPicture({ limits }: Pick<Service, "limits">, place: string, bytes: Uint8Array): Promise<void> {
  const { readImageSize } = await runtimeNode()
  const { width, height } = await readImageSize(bytes).catch(() => {
    throw new A1111Error(422, `Invalid encoded image: ${place} is broken.`)
  })
  const most = LARGER * limits.pixels
  if (width * height <= most) return
  throw new A1111Error(
    422,
    `${place} has ${width} × ${height} pixels, expected at most ${most}. Send a smaller one, or raise --max_pixels.`,
  )
}
