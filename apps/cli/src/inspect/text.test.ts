import { expect, it } from "vitest"
import type { FileReport, RunningReport } from "./run.ts"
import { formatReport } from "./text.ts"

const running: RunningReport = {
  ...{ prediction: null, saidBy: null, zeroTerminalSnr: false, scaledWeights: 0, notices: [], refusals: [] },
  ...{ hasVae: true, hasTextEncoders: true },
}
const linesOf = (changes: Partial<RunningReport>): readonly string[] => {
  const report: FileReport = {
    ...{ file: "a.safetensors", kind: "sdxl-checkpoint", detail: "an SDXL checkpoint", base: "sdxl" },
    ...{ bytes: 1, tensors: 1, parameters: 1, dtypes: {}, metadata: {}, running: { ...running, ...changes } },
  }
  return formatReport(report)
    .split("\n")
    .filter((line) => /^(predicts|lacks|scales|not run|note)/.test(line))
    .map((line) => line.replace(/ {2,}/, ": "))
}

it("says how a checkpoint is to be run, what it lacks and why it cannot be run", () => {
  expect(linesOf({})).toEqual(["predicts: noise (epsilon), as most do. The file does not say it"])
  expect(linesOf({ prediction: "v", saidBy: 'the tensor "v_pred"', zeroTerminalSnr: true, scaledWeights: 2 })).toEqual([
    'predicts: velocity (v-prediction), with zero terminal SNR, by the tensor "v_pred"',
    "scales: 2 weights with a scale, which is applied",
  ])
  expect(
    linesOf({ hasVae: false, refusals: ["it is an inpainting checkpoint"], notices: ["A note."] }).slice(1),
  ).toEqual(["lacks: a VAE: give one with --vae", "not run: it is an inpainting checkpoint", "note: A note."])
  expect(linesOf({ hasVae: false, hasTextEncoders: false })[1]).toMatch(
    /^lacks: text encoders: give this file with --unet/,
  )
})
