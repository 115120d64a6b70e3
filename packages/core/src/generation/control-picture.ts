import { checkArgument } from "../argument.ts"
import { checkPreprocessing, type Preprocessing, preprocess } from "../control/preprocessors/preprocess.ts"
import { CoreError } from "../errors.ts"
import { DEFAULT_FIT, FITS, type Fit, fitImage } from "../image/fit.ts"
import { resizeImage } from "../image/resize.ts"
import type { RgbImage } from "../image.ts"

/** How control pictures are made of other pictures. */
export interface ControlPreparation {
  /** How a picture of another size is fitted. Default: it is refused, and with `preprocess` stretched. */
  readonly fit?: Fit
  /** The preprocessor of the pictures. Default: none. */
  readonly preprocess?: Preprocessing
}

/**
 * A control picture of a size: the picture is fitted, and then preprocessed, as in sd-scripts.
 *
 * @throws CoreError for a wrong preprocessor or fit
 */
export function controlPicture(
  image: RgbImage,
  size: Pick<RgbImage, "width" | "height">,
  preparation: ControlPreparation,
): RgbImage {
  checkArgument("control: the preparation", preparation, "an object")
  const { fit = DEFAULT_FIT, preprocess: preprocessing } = preparation
  const change = (fitted: RgbImage): RgbImage => {
    if (preprocessing === undefined) return fitted
    const result = preprocess(fitted, preprocessing)
    // Tiles and grids have another size.
    return resizeImage(result, fitted.width, fitted.height, "lanczos")
  }
  return fitImage(image, size, fit, change)
}

/** Checks a preparation and the sizes of its pictures. @throws CoreError */
export function checkControls(
  images: readonly RgbImage[],
  { width, height }: Pick<RgbImage, "width" | "height">,
  { fit, preprocess }: ControlPreparation,
): void {
  if (preprocess !== undefined) checkPreprocessing(preprocess)
  if (fit !== undefined && !FITS.includes(fit)) {
    throw new CoreError("option-unknown", `generate: fit is ${JSON.stringify(fit)}, expected one of ${FITS.join(", ")}`)
  }
  if (fit !== undefined || preprocess !== undefined) return
  for (const image of images) {
    if (image.width === width && image.height === height) continue
    throw new CoreError(
      "control-size",
      `generate: a control image is ${image.width}×${image.height} px, the picture ${width}×${height}. Resize the control, or set fit.`,
    )
  }
}

/** A use of an adapter whose controls are ready, without its preparation. Equal pictures are prepared once. */
export function withReadyControls<
  Use extends ControlPreparation & { readonly control: RgbImage | readonly RgbImage[] },
>({ fit, preprocess, ...use }: Use, size: Pick<RgbImage, "width" | "height">): Omit<Use, keyof ControlPreparation> {
  if (fit === undefined && preprocess === undefined) return use
  const ready = new Map<RgbImage, RgbImage>()
  const prepare = (image: RgbImage): RgbImage => {
    const known = ready.get(image)
    if (known !== undefined) return known
    const result = controlPicture(image, size, {
      ...(fit === undefined ? {} : { fit }),
      ...(preprocess === undefined ? {} : { preprocess }),
    })
    ready.set(image, result)
    return result
  }
  const { control } = use
  return { ...use, control: "data" in control ? prepare(control) : control.map(prepare) }
}
