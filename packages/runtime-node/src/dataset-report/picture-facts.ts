import { createHash } from "node:crypto"
import type { RgbImage } from "@lllite/core/image"
import type { PictureTrait } from "../images/picture-traits.ts"
import { examineImage } from "../images/read-image.ts"
import type { ControlTone } from "./control-tone.ts"
import { controlTone } from "./control-tone.ts"
import type { Likeness } from "./likeness.ts"
import { likenessOf } from "./likeness.ts"

/** What is kept of a picture after it was decoded. It takes a few hundred bytes. */
export interface PictureFacts {
  readonly path: string
  /** In pixels. */
  readonly width: number
  readonly height: number
  readonly traits: readonly PictureTrait[]
  /** The SHA-256 of its size and pixels. Pictures that are equal here have the same one. */
  readonly pixels: string
  /** Whether all pixels have one colour. */
  readonly isPlain: boolean
}

/** Facts about a picture to train with. */
export interface ImageFacts extends PictureFacts {
  readonly likeness: Likeness
}

/** Facts about a control picture. */
export interface ControlFacts extends PictureFacts {
  readonly tone: ControlTone
}

/** Decodes a picture and keeps facts about it. @throws InputError as `examineImage` */
export async function readImageFacts(path: string): Promise<ImageFacts> {
  const { image, traits } = await examineImage(path)
  return { ...factsOf(path, image, traits), likeness: likenessOf(image) }
}

/** Decodes a control picture and keeps facts about it. @throws InputError as `examineImage` */
export async function readControlFacts(path: string): Promise<ControlFacts> {
  const { image, traits } = await examineImage(path)
  return { ...factsOf(path, image, traits), tone: controlTone(image) }
}

function factsOf(path: string, image: RgbImage, traits: readonly PictureTrait[]): PictureFacts {
  const { width, height, data } = image
  const pixels = createHash("sha256").update(`${width}x${height}:`).update(data).digest("base64")
  return { path, width, height, traits, pixels, isPlain: isPlain(data) }
}

/** Whether all pixels have one colour. rgb: three bytes a pixel */
function isPlain(rgb: Uint8Array): boolean {
  // The bytes are equal to themselves, a pixel later.
  return Buffer.compare(rgb.subarray(3), rgb.subarray(0, -3)) === 0
}
