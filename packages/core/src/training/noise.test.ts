import { describe, expect, it } from "vitest"
import type { RowGrid } from "../diffusion/coarser-grids.ts"
import { streamDraws } from "./batch-draws.ts"
import { checkNoise, drawNoise, type NoiseOptions } from "./noise.ts"

const GRID: RowGrid = { rows: 2, height: 6, width: 10, channels: 4 }
const LATENTS = Float32Array.from({ length: 480 }, (_, i) => Math.sin(i))

const draw = (options: NoiseOptions, firstRow = 0, grid = GRID): ReturnType<typeof drawNoise> =>
  drawNoise(options, LATENTS.slice(0, grid.rows * 240), grid, streamDraws(3, 7, firstRow, grid.rows))

describe("noise of training", () => {
  it("is plain without options, and the target's noise is the input's", () => {
    const { noise, input } = draw({})
    expect(input).toBe(noise)
    expect(draw({ offset: 0, adaptiveOffset: 0, multires: { iterations: 0 }, inputPerturbation: 0 })).toEqual({
      noise,
      input,
    })
  })

  it("of a row depends on the row, and not on the part of the batch", () => {
    for (const options of [{ offset: 0.3, randomOffset: true, adaptiveOffset: 0.1 }, { inputPerturbation: 0.2 }]) {
      const whole = draw(options)
      const second = drawNoise(options, LATENTS.slice(240), { ...GRID, rows: 1 }, streamDraws(3, 7, 1, 1))
      expect(second.noise).toEqual(whole.noise.slice(240))
      expect(second.input).toEqual(whole.input.slice(240))
    }
  })

  it("moves each channel of a row by one number", () => {
    const [plain, moved] = [draw({}).noise, draw({ offset: 0.3 }).noise]
    const shifts = Array.from(moved, (value, i) => value - (plain[i] as number))
    for (const [i, shift] of shifts.entries()) {
      expect(shift).toBeCloseTo(shifts[Math.floor(i / 240) * 240 + (i % 4)] as number, 5)
    }
    expect(new Set(shifts.map((shift) => shift.toFixed(4))).size).toBe(8)
  })

  it("has a deviation of 1 with coarser grids, on sides of any length", () => {
    for (const grid of [
      GRID,
      { rows: 1, height: 1, width: 7, channels: 4 },
      { rows: 3, height: 5, width: 1, channels: 4 },
    ]) {
      const size = grid.rows * grid.height * grid.width * grid.channels
      const options = { multires: { iterations: 6, discount: 0.8 } }
      const { noise } = drawNoise(options, LATENTS.slice(0, size), grid, streamDraws(3, 7, 0, grid.rows))
      const mean = noise.reduce((sum, value) => sum + value, 0) / size
      const variance = noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (size - 1)
      expect(variance).toBeCloseTo(1, 4)
    }
  })

  it("perturbs the input alone", () => {
    const { noise, input } = draw({ inputPerturbation: 0.1 })
    expect(noise).toEqual(draw({}).noise)
    expect(input).not.toEqual(noise)
    const half = draw({ inputPerturbation: 0.1, randomInputPerturbation: true }).input
    const share = ((half[0] as number) - (noise[0] as number)) / ((input[0] as number) - (noise[0] as number))
    expect(share).toBeGreaterThan(0)
    expect(share).toBeLessThan(1)
  })

  it("moves each channel of a row by the offset, and by the size of its own mean", () => {
    // Row 0 has the means 1, −2, 3, −4, and row 1 has 5, −6, 7, −8.
    const mean = (row: number, channel: number): number => (4 * row + channel + 1) * (channel % 2 === 0 ? 1 : -1)
    const latents = Float32Array.from({ length: 480 }, (_, i) => {
      const wave = Math.floor((i % 240) / 4) % 2 === 0 ? 0.5 : -0.5
      return mean(Math.floor(i / 240), i % 4) + wave
    })
    const first = (options: NoiseOptions) => drawNoise(options, latents, GRID, streamDraws(3, 7, 0, 2)).noise
    const [plain, moved, adapted] = [{}, { offset: 0.5 }, { offset: 0.5, adaptiveOffset: 0.25 }].map(first)
    for (const row of [0, 1]) {
      for (const channel of [0, 1, 2, 3]) {
        const at = 240 * row + 40 + channel
        const shift = (of: Float32Array | undefined): number => (of?.[at] ?? 0) - (plain?.[at] ?? 0)
        expect(shift(adapted) / shift(moved)).toBeCloseTo((0.5 + 0.25 * Math.abs(mean(row, channel))) / 0.5, 3)
      }
    }
  })

  it.each([
    [{ offset: Number.NaN }, "offset is NaN"],
    [{ adaptiveOffset: 0.1 }, "adaptiveOffset needs an offset"],
    [{ multires: { iterations: -1 } }, "iterations is -1"],
    [{ multires: { iterations: 2, discount: 2 } }, "discount is 2, expected a number from 0 to 1"],
    [{ inputPerturbation: -0.1 }, "inputPerturbation is -0.1"],
  ])("refuses %j", (options, message) => {
    expect(() => checkNoise(options)).toThrow(message)
  })
})
