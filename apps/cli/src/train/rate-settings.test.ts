import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { TRAIN_OPTIONS } from "./options/index.ts"
import { readTrainSettings } from "./settings.ts"
import { planSteps } from "./step-plan.ts"

const least = {
  pretrained_model_name_or_path: "tiny",
  train_data_dir: "images",
  conditioning_data_dir: "controls",
  output_dir: "out",
  resolution: "64",
}
const read = (more: Record<string, unknown> = {}): ReturnType<typeof readTrainSettings> => {
  const reader = readRecord(TRAIN_OPTIONS, { ...least, ...more }, {})
  const settings = readTrainSettings(reader)
  reader.finish()
  return settings
}

describe("the options of the learning rate", () => {
  it("take a scheduler of PyTorch, and say what has no effect beside it", () => {
    const scheduler = { lr_scheduler_type: "CosineAnnealingLR", lr_scheduler_args: ["T_max=100", "eta_min=1e-6"] }
    expect(read(scheduler).lr).toEqual({ scheduler: "CosineAnnealingLR", halfWave: 100, minRate: 1e-6 })
    expect(read(scheduler).notices).toEqual([])
    const more = { lr_scheduler: "cosine", lr_warmup_steps: 10, lr_scheduler_power: 1 }
    expect(read({ ...scheduler, ...more }).notices).toEqual([
      "--lr_warmup_steps has no effect: --lr_scheduler_type is CosineAnnealingLR.",
      "--lr_scheduler has no effect: --lr_scheduler_type is CosineAnnealingLR.",
    ])
    const cyclic = { lr_scheduler_type: "CyclicLR", lr_scheduler_args: ["base_lr=0 max_lr=1", "verbose=False"] }
    expect(read({ ...cyclic, learning_rate: 1e-3 }).notices).toEqual([
      "--lr_scheduler_args: verbose has no effect here.",
      "--learning_rate has no effect: --lr_scheduler_type is CyclicLR, which has rates of its own.",
    ])
  })

  it("give arguments to curves", () => {
    const rules = "step_rules=1:10,0.1:20,0.01"
    expect(read({ lr_scheduler: "piecewise_constant", lr_scheduler_args: [rules] }).lr).toEqual({
      curve: "piecewise_constant",
      pieces: [{ factor: 1, until: 10 }, { factor: 0.1, until: 20 }, { factor: 0.01 }],
    })
    const cosine = { lr_scheduler: "cosine", lr_scheduler_num_cycles: 3 }
    expect(read(cosine)).toMatchObject({
      lr: { curve: "cosine" },
      notices: ["--lr_scheduler_num_cycles has no effect: --lr_scheduler is cosine."],
    })
    expect(read({ ...cosine, lr_scheduler_args: ["num_cycles=2"] }).lr).toEqual({ curve: "cosine", cycles: 4 })
  })

  it("take the schedule of Adafactor for Adafactor", () => {
    const own = { lr_scheduler: "adafactor:1e-3", optimizer_type: "adafactor", learning_rate: 1e-3 }
    expect(read(own)).toMatchObject({ lr: { curve: "constant" } })
    expect(read(own).notices).toEqual([expect.stringMatching(/^--learning_rate has no effect/)])
    const fixed = { ...own, optimizer_args: ["relative_step=False"] }
    expect(() => read(fixed)).toThrow(/which needs --optimizer_type adafactor with relative steps/)
    expect(read({ ...own, lr_scheduler: "constant", lr_scheduler_type: "StepLR" }).notices).toContain(
      "--lr_scheduler_type has no effect: adafactor has its own schedule.",
    )
  })

  it("give parts their rates as factors", () => {
    expect(read({ learning_rate: 1e-3, conditioner_lr: 5e-4, up_lr: 0, mid_lr: 1e-3 }).partRates).toEqual({
      conditioning1: 0.5,
      up: 0,
    })
    expect(read().partRates).toBeNull()
  })

  it.each([
    [{ lr_scheduler_type: "LambdaLR" }, /lr_scheduler_type is "LambdaLR", expected one of StepLR, /],
    [{ lr_scheduler_type: "StepLR" }, /lr_scheduler_args has "", expected step_size=…, which StepLR needs/],
    [{ lr_scheduler_args: ["gamma=1"] }, /has "gamma=1", expected no arguments: constant has none/],
    [{ lr_scheduler: "piecewise_constant", lr_scheduler_args: ["step_rules=1"] }, null],
    [
      { lr_scheduler: "piecewise_constant" },
      /is piecewise_constant, which needs --lr_scheduler_args such as step_rules=1:100,0\.1\. Give it/,
    ],
    [
      { lr_scheduler: "cosine_with_min_lr" },
      /which needs --lr_scheduler_min_lr_ratio, or min_lr in --lr_scheduler_args\. Give it/,
    ],
    [
      { lr_scheduler: "cosine_with_min_lr", lr_scheduler_min_lr_ratio: 0.1, lr_scheduler_args: ["min_lr=0"] },
      /has min_lr, and --lr_scheduler_min_lr_ratio says the same/,
    ],
  ])("read or refuse %j", (more, message) => {
    if (message === null) expect(read(more).lr).toEqual({ curve: "piecewise_constant", pieces: [{ factor: 1 }] })
    else expect(() => read(more)).toThrow(message)
  })

  it("refuse what the optimizer cannot follow before anything is loaded", () => {
    const dataset = { sizes: [{ width: 64, height: 64 }], batchSize: 1 }
    const cyclic = { lr_scheduler_type: "CyclicLR", lr_scheduler_args: ["base_lr=0 max_lr=1"] }
    expect(() => planSteps(read({ ...cyclic, optimizer_type: "adagrad" }), dataset)).toThrow(/it has no momentum/)
    expect(planSteps(read(cyclic), dataset).lr).toMatchObject({ scheduler: "CyclicLR" })
    expect(() => planSteps(read({ optimizer_type: "prodigy", up_lr: 0.5 }), dataset)).toThrow(/not proportional/)
  })
})
