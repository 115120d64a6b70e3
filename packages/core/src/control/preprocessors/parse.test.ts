import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parsePreprocessing, preprocessingText } from "./parse.ts"
import { type Preprocessing, preprocessorOf } from "./preprocess.ts"
import type { PreprocessorValues } from "./preprocessor.ts"
import { PREPROCESSOR_NAMES } from "./table.ts"

describe("parsePreprocessing", () => {
  it.each([
    ["none", null],
    [" None ", null],
    ["canny", { kind: "canny", options: { low: 63, high: 191, grey: true } }],
    ["canny_63_191", { kind: "canny", options: { low: 63, high: 191, grey: true } }],
    ["canny_50", { kind: "canny", options: { low: 50, high: 191, grey: true } }],
    ["canny_100_200", { kind: "canny", options: { grey: true } }],
    ["canny:", { kind: "canny" }],
    ["canny:low=50, l2=true", { kind: "canny", options: { low: 50, l2: true } }],
    ["scribble_xdog", { kind: "scribble_xdog" }],
    ["scribble_xdog_20", { kind: "scribble_xdog", options: { threshold: 20 } }],
    ["xdog_20_512", { kind: "scribble_xdog", options: { threshold: 20, resolution: 512 } }],
    ["blur_2.5", { kind: "blur_gaussian", options: { sigma: 2.5 } }],
    ["blur_gaussian", { kind: "blur_gaussian" }],
    ["shuffle:seed=3,grain=64", { kind: "shuffle", options: { seed: 3, grain: 64 } }],
    ["t2ia_color_grid_64", { kind: "color_grid", options: { resolution: 64 } }],
  ])("reads %j", (text, expected) => {
    expect(parsePreprocessing(text)).toEqual(expected)
  })

  it.each([
    ["", 'preprocess: there is no preprocessor "". There are: none, canny,'],
    ["cany", 'preprocess: there is no preprocessor "cany". Did you mean "canny"?'],
    ["depth_midas", 'preprocess: "depth_midas" needs a trained network, which is not run here.'],
    ["lineart_anime:resolution=512", '"lineart_anime:resolution=512" needs a trained network'],
    ["dw_openpose_full", "needs a trained network"],
    ["canny_a", 'preprocess: there is no preprocessor "canny_a"'],
    ["__proto__:a=1", 'preprocess: there is no preprocessor "__proto__:a=1"'],
    ["invert_3", "preprocess: invert got 1 values, expected none"],
    ["canny_1_2:low=3", "has values with names and without"],
    ["canny_1_-2", "preprocess: high of canny is -2, expected a number from 0 to 32767"],
    ["canny:low", 'preprocess: "low" of canny is not an option, expected name=value'],
    ["canny:low=", 'preprocess: low of canny is "", expected a number'],
    ["canny:low=1e9", 'preprocess: low of canny is "1e9", expected a number'],
    ["canny:depth=1", 'preprocess: canny has no option "depth"'],
    ["canny:constructor=1", 'preprocess: canny has no option "constructor"'],
    ["canny:grey=maybe", 'preprocess: grey of canny is "maybe", expected true or false'],
    ["blur_1.2.3", 'preprocess: sigma of blur_gaussian is "1.2.3", expected a number'],
  ])("refuses %j", (text, message) => {
    expect(() => parsePreprocessing(text)).toThrow(message)
  })

  it("reads what preprocessingText writes", () => {
    const any: fc.Arbitrary<Preprocessing> = fc.constantFrom(...PREPROCESSOR_NAMES).chain((kind) =>
      fc
        .record(
          Object.fromEntries(
            Object.entries(preprocessorOf(kind).options).map(([name, option]) => {
              if (typeof option.default === "boolean") return [name, fc.constant(!option.default)]
              const { min = 0, max = 1 } = option as { readonly min?: number; readonly max?: number }
              return [name, fc.integer({ min: Math.ceil(min), max }).filter((value) => value !== option.default)]
            }),
          ) as Record<string, fc.Arbitrary<number | boolean>>,
          { requiredKeys: [] },
        )
        .map((options) =>
          Object.keys(options).length === 0 ? { kind } : { kind, options: options as PreprocessorValues },
        ),
    )
    fc.assert(
      fc.property(any, (preprocessing) => {
        expect(parsePreprocessing(preprocessingText(preprocessing))).toEqual(preprocessing)
      }),
    )
  })
})
