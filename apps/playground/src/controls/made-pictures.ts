import { controlPicture, type PreprocessorValues, type RgbImage } from "@lllite/core/image"
import { signal } from "@preact/signals"
import { SIZE } from "../pictures/canvas-image.ts"
import { type ControlKind, preparationOf } from "../pictures/control-kinds.ts"
import { makeControl } from "../pictures/picture-reader.ts"

/** Kinds that look at a few pixels for each of theirs. */
const QUICK: readonly ControlKind[] = [
  ...(["canny", "invert", "tile_resample", "recolor_luminance", "recolor_intensity", "color_grid"] as const),
  ...(["threshold", "binary", "none"] as const),
]

/** The pictures by what they follow, and by how they are made. */
const made = new WeakMap<RgbImage, Map<string, RgbImage>>()
/** The controls whose pictures the worker makes now. */
const running = new Set<number>()
/** Counts the pictures that came from the worker. Who looks for one looks again when it changes. */
const arrivals = signal(0)

/**
 * The picture of a control, in the size of what it follows. A picture that takes longer is made in a worker, one at a time
 * for each control, so that drawing and sliders stay smooth.
 *
 * @param options of the preprocessor. Default: those of this page
 * @returns undefined until the worker has made it. Who reads this in a computed signal is told
 */
export function madePicture(
  id: number,
  image: RgbImage,
  kind: ControlKind,
  options: PreprocessorValues | undefined,
): RgbImage | undefined {
  const known = made.get(image) ?? new Map<string, RgbImage>()
  made.set(image, known)
  const preparation = preparationOf(kind, image.width, options)
  const key = JSON.stringify(preparation)
  const found = known.get(key)
  if (found !== undefined) return found
  if (isAtOnce(image, kind)) {
    const picture = controlPicture(image, image, preparation)
    known.set(key, picture)
    return picture
  }
  arrivals.value
  if (!running.has(id)) {
    running.add(id)
    void makeControl(image, preparation)
      // Without its worker, the page makes it by itself.
      .catch(() => controlPicture(image, image, preparation))
      .then((picture) => {
        known.set(key, picture)
        running.delete(id)
        arrivals.value += 1
      })
  }
  return undefined
}

/** Whether the page makes it by itself, within a few hundredths of a second. Thinning takes several at every size. */
function isAtOnce({ width, height }: RgbImage, kind: ControlKind): boolean {
  if (kind === "none") return true
  const most = QUICK.includes(kind) ? 2 * SIZE : SIZE
  return kind !== "thin" && width * height <= most ** 2
}
