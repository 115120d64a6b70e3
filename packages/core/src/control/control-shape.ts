import { checkArgument, checkArguments } from "../argument.ts"

/** A picture's size, and whether its file says that viewers turn it, in EXIF. */
export interface PictureShape {
  readonly width: number
  readonly height: number
  readonly isTurned: boolean
}

/** How a control's shape goes with its picture's. */
export type ControlShape =
  | { readonly kind: "same" }
  /** It is stretched onto its picture by up to a fifth. */
  | { readonly kind: "stretched" }
  | { readonly kind: "other"; readonly reason: string }

/** Largest difference of the aspects that passes without a notice. It allows rounded sizes. */
const ROUNDED = 0.01
/**
 * Largest difference of the aspects that is fitted. Annotators round each side to a multiple of 64, which changes an
 * aspect by up to this much. Another crop differs by more.
 */
const STRETCHED = 0.2

/** Compares the shapes of a control and its picture. */
export function compareShapes(control: PictureShape, image: PictureShape): ControlShape {
  checkArgument("control: the control", control, "an object")
  checkArgument("control: the picture", image, "an object")
  for (const { width, height } of [control, image]) checkArguments("control", "a finite number", { width, height })
  const ratio = aspect(control) / aspect(image)
  const difference = Math.max(ratio, 1 / ratio) - 1
  if (difference <= ROUNDED) return { kind: "same" }
  if (difference <= STRETCHED) return { kind: "stretched" }
  const turned = [image, control].filter(({ isTurned }) => isTurned)
  const isSideways = Math.abs(aspect(control) * aspect(image) - 1) <= STRETCHED
  const isTurned = turned.length > 0 && isSideways
  return {
    kind: "other",
    reason: isTurned
      ? `The EXIF orientation of the ${turned[0] === image ? "picture" : "control"} is the cause. It is not applied here, and another program turned the picture by it. ` +
        "Save the picture turned, without the orientation."
      : isSideways
        ? "One of them is turned by 90 degrees. Turn it back."
        : "Make the control from the picture, uncropped. Annotators may round or crop sizes: set them to the picture's size.",
  }
}

function aspect({ width, height }: PictureShape): number {
  return width / height
}
