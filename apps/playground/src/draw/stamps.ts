import type { RgbImage } from "@lllite/core/image"
import { distanceToShape, type Shape, type ShapeKind, shapeKinds } from "@lllite/tiny"
import { blank, SIZE } from "../pictures/canvas-image.ts"

/** The grey of the one ink. Edges of it are found on white, and its colour asks for nothing. */
export const INK = 96
/** The widths of the pen in pixels of a sheet of the size of the tiny SDXL. */
export const WIDTHS = [2, 4, 8, 16] as const
/** The tiny SDXL follows outlines of this width well, also in few steps. */
export const DEFAULT_WIDTH = 4

export const STAMPS = shapeKinds
/** Half of a stamp, as a part of the sheet. The largest shapes that the tiny SDXL was trained on have this radius. */
const STAMP_RADIUS = 0.2

/** The drawing that the page opens with: the outline of a heart, as by hand. */
export function heartOutline(): RgbImage {
  const heart = { kind: "heart", x: 0.5, y: 0.5, radius: 0.24, rotation: -0.08 } as const
  return inked(blank(SIZE), heart, (distance) => Math.abs(distance) - DEFAULT_WIDTH / 2)
}

/** The drawing with a shape on it. The place is in pixels. */
export function stamped(drawing: RgbImage, kind: ShapeKind, x: number, y: number): RgbImage {
  const shape = { kind, x: x / drawing.width, y: y / drawing.width, radius: STAMP_RADIUS, rotation: 0 }
  return inked(drawing, shape, (distance) => distance)
}

/** @param inside of the ink where it is negative, by the distance to the shape in pixels */
function inked(
  { width, height, data }: RgbImage,
  shape: Pick<Shape, "kind" | "x" | "y" | "radius" | "rotation">,
  inside: (distance: number) => number,
): RgbImage {
  const whole: Shape = { ...shape, colour: "red", size: "medium" }
  const changed = data.slice()
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5]
    const cover = Math.min(1, Math.max(0, 0.5 - inside(distanceToShape(whole, x / width, y / height) * width)))
    if (cover === 0) continue
    for (let at = 3 * i; at < 3 * i + 3; at++) {
      const paper = data[at] ?? 255
      changed[at] = Math.round(paper + (INK - paper) * cover)
    }
  }
  return { width, height, data: changed }
}
