import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { paint, painterOf } from "../../../reference/pictures.ts"
import type { RgbImage } from "../../image.ts"
import { preprocess, preprocessorName, preprocessorOf } from "./preprocess.ts"
import type { PreprocessorValues } from "./preprocessor.ts"
import type { PreprocessorName } from "./table.ts"
import { PREPROCESSOR_NAMES } from "./table.ts"

const picture = (...channels: readonly string[]): RgbImage =>
  paint(
    channels.flatMap((name) => painterOf(name, "a/preprocess") ?? []),
    36,
    24,
  )
const shapes = picture("disc", "soft", "stripes")
const busy = picture("noise", "soft", "ramp")

const isGrey = ({ data }: RgbImage): boolean => data.every((value, i) => value === data[i - (i % 3)])

const digest = (image: RgbImage): string => {
  const bytes = isGrey(image) ? image.data.filter((_, i) => i % 3 === 0) : image.data
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16)
}

describe("preprocess", () => {
  it.each<[string, RgbImage, PreprocessorName, PreprocessorValues, number, number]>([
    ["f0ab97bd04a5b0e9", busy, "canny", { resolution: 37 }, 56, 37],
    ["bc8622aba14ea1fe", shapes, "canny", { resolution: 15 }, 22, 15],
    ["a15b2da32a698e99", shapes, "scribble_xdog", { threshold: 10 }, 36, 24],
    ["bf0c87fbed7e9ae8", shapes, "lineart_standard", {}, 36, 24],
    ["ebe7073e962b2bab", busy, "invert", {}, 36, 24],
    ["7caba57c3dd84e6a", busy, "blur_gaussian", { sigma: 3.3 }, 36, 24],
    ["464d4bd8bc80afb8", shapes, "blur_gaussian", { sigma: 2, resolution: 15 }, 22, 15],
    ["f0e62669b797e036", busy, "tile_resample", { rate: 1.5 }, 24, 16],
    ["11f10505bf44eee3", shapes, "tile_resample", { rate: 3.7 }, 9, 6],
    ["cc72ac023fab6e50", busy, "recolor_luminance", { gamma: 0.6, bgr: true }, 36, 24],
    ["82ce7f218d1a5b1f", shapes, "recolor_intensity", { gamma: 0.6 }, 36, 24],
    ["c1efac0a24073cc0", busy, "shuffle", { seed: 12345, grain: 16 }, 36, 24],
    ["4fb4e6c3c0c0a7c9", busy, "threshold", { threshold: 60, resolution: 37 }, 56, 37],
    ["9b7dab6bee2eb053", busy, "binary", {}, 36, 24],
    ["e32b01abd6cb90dd", shapes, "binary", { threshold: 90 }, 36, 24],
  ])("gives the bytes of sd-webui-controlnet: %s", (expected, image, kind, options, width, height) => {
    const result = preprocess(image, { kind, options })
    expect([result.width, result.height]).toEqual([width, height])
    expect(digest(result)).toBe(expected)
  })

  it("reads the lightness from the right channels", () => {
    const colour = (...rgb: readonly number[]): RgbImage => ({ width: 1, height: 1, data: Uint8Array.from(rgb) })
    // OpenCV's COLOR_RGB2LAB of pure red and pure blue.
    expect(preprocess(colour(255, 0, 0), { kind: "recolor_luminance" }).data).toEqual(Uint8Array.from([136, 136, 136]))
    expect(preprocess(colour(0, 0, 255), { kind: "recolor_luminance" }).data).toEqual(Uint8Array.from([82, 82, 82]))
  })

  it("finds edges of the luma, as sd-scripts does", () => {
    const red = picture("disc", "disc", "disc")
    expect(preprocess(red, { kind: "canny", options: { grey: true } })).toEqual(preprocess(red, { kind: "canny" }))
    // Equal luma, other colours.
    const data = Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) =>
      Math.floor(i / 3) % 64 < 32 ? ([200, 0, 0][i % 3] as number) : ([0, 102, 0][i % 3] as number),
    )
    const image = { width: 64, height: 64, data }
    const white = (options: PreprocessorValues): number =>
      preprocess(image, { kind: "canny", options }).data.filter((value) => value > 0).length
    expect(white({ grey: true })).toBe(0)
    expect(white({})).toBeGreaterThan(0)
  })

  it.each<[string, RgbImage, PreprocessorValues]>([
    ["e7fc4723076e4110", shapes, { blur: 1 }],
    ["58f10a0b90963e9f", shapes, { blur: 2.5, low: 40, high: 90 }],
    ["a288734d824b9085", busy, { blur: 0.7, l2: true }],
    ["f106f6d0d90fddef", busy, { blur: 1.4, grey: true, low: 30, high: 60 }],
  ])(
    "blurs before it finds edges, with the bytes of OpenCV's GaussianBlur and Canny: %s",
    (expected, image, options) => {
      expect(digest(preprocess(image, { kind: "canny", options }))).toBe(expected)
    },
  )

  it("finds the edges of what a blur leaves, and of the picture itself without one", () => {
    const edges = (image: RgbImage, blur: number) => preprocess(image, { kind: "canny", options: { blur } })
    expect(edges(busy, 0)).toEqual(preprocess(busy, { kind: "canny" }))
    expect(edges(busy, 3)).toEqual(edges(preprocess(busy, { kind: "blur_gaussian", options: { sigma: 3 } }), 0))
  })

  it("leaves the picture as it is, and any size gives a whole picture", () => {
    const anyPicture = fc
      .tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), fc.nat())
      .map(([width, height, seed]) => ({
        width,
        height,
        data: Uint8Array.from({ length: 3 * width * height }, (_, i) => ((i + seed) * 2654435761) >>> 24),
      }))
    fc.assert(
      fc.property(anyPicture, fc.constantFrom(...PREPROCESSOR_NAMES), (image, kind) => {
        const before = image.data.slice()
        const options = kind === "color_grid" ? { resolution: 64 } : {}
        const result = preprocess(image, { kind, options })
        expect(image.data).toEqual(before)
        expect(result.data.length).toBe(3 * result.width * result.height)
        if (kind !== "color_grid") expect([result.width, result.height]).toEqual([image.width, image.height])
      }),
      { numRuns: 60 },
    )
  })

  it.each<[string, PreprocessorValues, string]>([
    ["depth", {}, 'preprocess: there is no "depth", expected one of canny, scribble_xdog'],
    ["toString", {}, 'preprocess: there is no "toString"'],
    ["canny", { sigma: 1 }, 'preprocess: canny has no option "sigma", expected low, high, l2, grey, resolution, blur'],
    ["invert", { constructor: 1 }, 'preprocess: invert has no option "constructor", expected no options'],
    ["canny", { low: -1 }, "preprocess: low of canny is -1, expected a number from 0 to 32767"],
    ["canny", { grey: 1 }, "preprocess: grey of canny is 1, expected true or false"],
    ["shuffle", { seed: 0.5 }, "preprocess: seed of shuffle is 0.5, expected a whole number from 0 to 4294967295"],
    ["blur_gaussian", { sigma: null }, "preprocess: sigma of blur_gaussian is null, expected a number from 0.01 to 64"],
    ["canny", { resolution: Number.NaN }, "preprocess: resolution of canny is NaN, expected a whole number"],
  ])("refuses %s with %j", (kind, options, message) => {
    expect(() => preprocess(shapes, { kind: kind as PreprocessorName, options })).toThrow(message)
  })

  it("refuses a resolution that makes too large a picture", () => {
    const thin = { width: 3000, height: 1, data: new Uint8Array(9000) }
    expect(() => preprocess(thin, { kind: "canny", options: { resolution: 4096 } })).toThrow(
      "preprocess: the picture would get 12288000 x 4096, more than 100 million pixels. Choose a smaller resolution.",
    )
    expect(() => preprocess(thin, { kind: "color_grid", options: { resolution: 512 } })).toThrow("100 million pixels")
  })
})

describe("preprocessorName", () => {
  it("takes names, dashes and aliases", () => {
    expect(
      ["Tile-Resample", "tile", "blur", "xdog", "recolour", "t2ia_color_grid", "canny"].map(preprocessorName),
    ).toEqual([
      "tile_resample",
      "tile_resample",
      "blur_gaussian",
      "scribble_xdog",
      "recolor_luminance",
      "color_grid",
      "canny",
    ])
    expect(["depth", "", "__proto__"].map(preprocessorName)).toEqual([null, null, null])
  })

  it("never means two", () => {
    const all = PREPROCESSOR_NAMES.flatMap((name) => [name, ...(preprocessorOf(name).aliases ?? [])])
    expect(new Set(all).size).toBe(all.length)
  })

  it("has ranges that hold the defaults", () => {
    for (const kind of PREPROCESSOR_NAMES) {
      const defaults = Object.entries(preprocessorOf(kind).options).map(([name, option]) => [name, option.default])
      expect(() =>
        preprocess(
          { width: 70, height: 70, data: new Uint8Array(14700) },
          { kind, options: Object.fromEntries(defaults) },
        ),
      ).not.toThrow()
    }
  })
})
