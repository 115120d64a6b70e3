import type { RgbImage } from "@lllite/core/image"
import { compareShapes, exifOrientation, PICTURE_SIGNATURE_BYTES, pictureFormatOf } from "@lllite/core/image"
import { PageError, remark, sentence } from "../language/sentence.ts"
import { readBytes } from "../page/read-file.ts"
import { onWhite, pixelsOf } from "./canvas-image.ts"
import { fitSquare } from "./fit-square.ts"
import { changesOf, type PictureChange } from "./picture-changes.ts"

/** The largest side of a picture in pixels. A file of a few bytes may claim any size. */
const MOST_PIXELS = 8192

interface Size {
  readonly width: number
  readonly height: number
}

/** A picture that was read, and what it does not show of its file. */
export interface FittedPicture {
  readonly image: RgbImage
  /** The size of the picture in its file, turned as viewers show it. */
  readonly original: Size
  readonly changes: readonly PictureChange[]
}

/**
 * Reads a picture file and fits it into a square. It is resized like training pictures and cropped at the centre. The
 * browser turns it as its EXIF orientation says.
 *
 * @param like the size of the picture that a control belongs to. It is stretched to its shape. Default: its own
 * @throws PageError when it is of another format, broken or too large, or of another shape than its picture
 */
export async function fitPicture(file: Blob, size: number, like: Size | null = null): Promise<FittedPicture> {
  const name = file instanceof File ? file.webkitRelativePath || file.name : ""
  const bytes = await readBytes(file, name === "" ? null : name)
  const first = bytes.slice(0, PICTURE_SIGNATURE_BYTES)
  const format = pictureFormatOf(first)
  if (format === null) throw new PageError(sentence("pictures", "notAPicture", name, first))
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(
    () => null,
  )
  if (bitmap === null) throw new PageError(sentence("pictures", "broken", name))
  try {
    const { width, height } = bitmap
    if (Math.max(width, height) > MOST_PIXELS) {
      throw new PageError(sentence("pictures", "tooLarge", name, width, height, MOST_PIXELS))
    }
    const isStretched = like !== null && isOtherShape(name, bitmap, like)
    const canvas = new OffscreenCanvas(width, height)
    const context = canvas.getContext("2d", { willReadFrequently: true })
    context?.drawImage(bitmap, 0, 0)
    const pixels = pixelsOf(canvas)
    const image = fitSquare(onWhite(width, height, pixels), size, like ?? bitmap)
    // What is cropped of a control is said of its picture.
    const changes = changesOf(width, height, pixels).filter((change) => like === null || change !== "cropped")
    return {
      image,
      original: { width, height },
      changes: [
        ...(exifOrientation(bytes, format) === 1 ? [] : (["turned"] as const)),
        ...changes,
        ...(isStretched ? (["stretched"] as const) : []),
      ],
    }
  } finally {
    bitmap.close()
  }
}

/** Whether a control is stretched onto its picture. @throws PageError for one of quite another shape */
function isOtherShape(name: string, control: Size, image: Size): boolean {
  const upright = ({ width, height }: Size) => ({ width, height, isTurned: false })
  const shape = compareShapes(upright(control), upright(image))
  if (shape.kind !== "other") return shape.kind === "stretched"
  const [a, b] = [control, image].map(({ width, height }) => `${width}x${height}`)
  throw new PageError(sentence("pictures", "otherShape", name, a ?? "", b ?? "", remark(shape.reason)))
}
