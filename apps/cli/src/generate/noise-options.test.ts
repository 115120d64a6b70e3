import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { checkNoise, startNoiseOf } from "./noise-options.ts"
import { GENERATE_OPTIONS } from "./options.ts"

const least = { ckpt: "tiny", prompt: "a red star", outdir: "out", seed: "1" }

function read(more: Record<string, unknown>) {
  const reader = readRecord(GENERATE_OPTIONS, { ...least, ...more })
  checkNoise(reader)
  reader.finish()
  return startNoiseOf(reader.settings)
}

describe("options of the noise of the start", () => {
  it("add nothing where none is given, or at probability 0", () => {
    expect(read({})).toBeNull()
    expect(read({ pyramid_noise_prob: "0", noise_offset_prob: 0 })).toBeNull()
  })

  it("give each probability its range", () => {
    expect(read({ pyramid_noise_prob: "0.5", pyramid_noise_discount_range: ["0.2", "0.4"] })).toEqual({
      ...{ pyramid: { probability: 0.5, discount: [0.2, 0.4] }, offset: null },
    })
    expect(read({ noise_offset_prob: "1", noise_offset_range: ["-0.1", "0.1"] })).toEqual({
      ...{ pyramid: null, offset: { probability: 1, range: [-0.1, 0.1] } },
    })
  })

  it.each([
    [{ pyramid_noise_prob: "1" }, /--pyramid_noise_discount_range is missing, expected two numbers/],
    [{ noise_offset_prob: "1", noise_offset_range: ["0.1"] }, /--noise_offset_range has 1 number, expected two/],
    [{ noise_offset_range: ["0", "1"] }, /--noise_offset_range has no effect without --noise_offset_prob/],
    [{ pyramid_noise_prob: "2", pyramid_noise_discount_range: ["0", "1"] }, /--pyramid_noise_prob is 2, expected/],
  ])("refuse %j by name", (options, message) => {
    expect(() => read(options)).toThrow(message)
  })
})
