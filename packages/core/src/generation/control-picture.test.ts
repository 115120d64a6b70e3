import { describe, expect, it } from "vitest"
import { preprocess } from "../control/preprocessors/preprocess.ts"
import { resizeImage } from "../image/resize.ts"
import type { RgbImage } from "../image.ts"
import { checkControls, controlPicture, withReadyControls } from "./control-picture.ts"

const bright: RgbImage = {
  width: 60,
  height: 30,
  data: Uint8Array.from({ length: 5400 }, (_, i) => (Math.floor(i / 3) % 60 < 30 ? 250 : 160)),
}
const size = { width: 32, height: 32 }
const canny = { kind: "canny" } as const

describe("controlPicture", () => {
  it("stretches before it preprocesses, as sd-scripts does", () => {
    const stretched = resizeImage(bright, 32, 32, "lanczos")
    expect(controlPicture(bright, size, { preprocess: canny })).toEqual(preprocess(stretched, canny))
  })

  it("finds no edge where padding begins", () => {
    const { data } = controlPicture(bright, size, { fit: "pad", preprocess: canny })
    const rows = Array.from({ length: 32 }, (_, y) => data.subarray(96 * y, 96 * (y + 1)).some((value) => value > 0))
    // The edge between the halves is there, and padding is black.
    expect(rows.map(Number).join("")).toBe(`${"0".repeat(8)}${"1".repeat(16)}${"0".repeat(8)}`)
    const columns = new Set(
      Array.from(data.keys())
        .filter((i) => data[i] === 255)
        .map((i) => Math.floor(i / 3) % 32),
    )
    expect([...columns].every((x) => Math.abs(x - 16) <= 2)).toBe(true)
  })

  it("keeps the size where a preprocessor does not", () => {
    const tile = { kind: "tile_resample", options: { rate: 4 } } as const
    for (const fit of ["stretch", "crop", "pad"] as const) {
      const result = controlPicture(bright, size, { fit, preprocess: tile })
      expect([result.width, result.height]).toEqual([32, 32])
    }
  })
})

describe("checkControls", () => {
  it("refuses another size, unless it is fitted", () => {
    expect(() => checkControls([bright], size, {})).toThrow(
      "generate: a control image is 60×30 px, the picture 32×32. Resize the control, or set fit.",
    )
    expect(() => checkControls([bright], size, { fit: "pad" })).not.toThrow()
    expect(() => checkControls([bright], size, { preprocess: canny })).not.toThrow()
    expect(() => checkControls([bright], bright, {})).not.toThrow()
  })

  it("refuses another width or another height of any picture", () => {
    expect(() => checkControls([bright, { ...bright, width: 30 }], bright, {})).toThrow("30×30 px, the picture 60×30")
    expect(() => checkControls([{ ...bright, height: 60 }], bright, {})).toThrow("60×60 px")
  })

  it("refuses wrong ways", () => {
    expect(() => checkControls([bright], size, { fit: "fill" as "pad" })).toThrow('generate: fit is "fill"')
    expect(() => checkControls([bright], size, { preprocess: { kind: "canny", options: { low: -1 } } })).toThrow(
      "preprocess: low of canny is -1",
    )
  })
})

describe("withReadyControls", () => {
  it("fits without a preprocessor, and preprocesses without a fit", () => {
    const fitted = withReadyControls({ control: bright, fit: "crop" }, size)
    expect(fitted.control).toEqual(controlPicture(bright, size, { fit: "crop" }))
    expect(fitted).not.toHaveProperty("fit")
    const edges = withReadyControls({ control: [bright], preprocess: canny }, size)
    expect(edges.control).toEqual([controlPicture(bright, size, { preprocess: canny })])
    expect(controlPicture(bright, size, { fit: "crop" })).not.toEqual(controlPicture(bright, size, { fit: "stretch" }))
  })

  it("prepares every control, and equal ones once", () => {
    const other = { ...bright, data: bright.data.map((value) => 255 - value) }
    const use = { control: [bright, other, bright], fit: "crop", preprocess: canny, strength: 0.5 } as const
    const { control, ...rest } = withReadyControls(use, size)
    expect(rest).toEqual({ strength: 0.5 })
    const [first, second, third] = control as unknown as readonly RgbImage[]
    expect(first).toEqual(controlPicture(bright, size, { fit: "crop", preprocess: canny }))
    expect(second).toEqual(controlPicture(other, size, { fit: "crop", preprocess: canny }))
    expect(third).toBe(first)
  })

  it("leaves controls as they are without a preparation", () => {
    expect(withReadyControls({ control: bright }, size).control).toBe(bright)
  })
})
