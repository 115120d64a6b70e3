import { describe, expect, it } from "vitest"
import { initOptimizer, loadOptimizer, withMomentum } from "../optimizers/index.ts"
import { readSchedulerArguments } from "./python-arguments.ts"
import { createLrPoints, createLrSchedule } from "./schedule.ts"
import type { TorchScheduler } from "./torch-schedulers.ts"

const base = { learningRate: 0.01, totalSteps: 24 }

function scheduler(name: string, args: readonly string[]): TorchScheduler {
  const read = readSchedulerArguments(name, args)
  if (!("scheduler" in read)) throw new Error(JSON.stringify(read))
  return read.scheduler
}

describe("the schedulers of PyTorch", () => {
  // Values of `torch/optim/lr_scheduler.py` 2.8, with a rate of 0.01 and AdamW, at these steps.
  const AT = [0, 1, 2, 3, 5, 8, 9, 13, 14, 19, 20, 23]
  it.each([
    [
      "StepLR",
      ["step_size=7", "gamma=0.5"],
      [0.01, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.005, 0.0025, 0.0025, 0.0025, 0.00125],
      null,
    ],
    [
      "MultiStepLR",
      ["milestones=0,3,3,9"],
      [0.001, 0.001, 0.001, 1e-5, 1e-5, 1e-5, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6],
      null,
    ],
    [
      "ConstantLR",
      ["factor=0.25", "total_iters=4"],
      [0.0025, 0.0025, 0.0025, 0.0025, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
      null,
    ],
    [
      "ConstantLR",
      [],
      [
        0.00333333333333, 0.00333333333333, 0.00333333333333, 0.00333333333333, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01,
        0.01, 0.01,
      ],
      null,
    ],
    [
      "LinearLR",
      ["start_factor=0.2", "end_factor=0.7", "total_iters=9"],
      [
        0.002, 0.00255555555556, 0.00311111111111, 0.00366666666667, 0.00477777777778, 0.00644444444444, 0.007, 0.007,
        0.007, 0.007, 0.007, 0.007,
      ],
      null,
    ],
    [
      "ExponentialLR",
      ["gamma=0.9"],
      [
        0.01, 0.009, 0.0081, 0.00729, 0.0059049, 0.0043046721, 0.00387420489, 0.00254186582833, 0.0022876792455,
        0.00135085171767, 0.00121576654591, 0.000886293811965,
      ],
      null,
    ],
    [
      "PolynomialLR",
      ["total_iters=11", "power=1.7"],
      [
        0.01, 0.00850417982993, 0.0071095923733, 0.00581949652397, 0.00356853171517, 0.00109834447124,
        0.000551294205633, 0.0, 0.0, 0.0, 0.0, 0.0,
      ],
      null,
    ],
    [
      "CosineAnnealingLR",
      ["T_max=8", "eta_min=0.001"],
      [
        0.01, 0.0096574578963, 0.00868198051534, 0.00722207544564, 0.00377792455436, 0.001, 0.0013425421037,
        0.00722207544564, 0.00868198051534, 0.00722207544564, 0.0055, 0.0013425421037,
      ],
      null,
    ],
    [
      "CosineAnnealingWarmRestarts",
      ["T_0=3", "T_mult=2", "eta_min=0.001"],
      [
        0.01, 0.00775, 0.00325, 0.01, 0.00775, 0.00160288568297, 0.01, 0.00775, 0.00666468570296, 0.00160288568297,
        0.0011533337817, 0.0098466662183,
      ],
      null,
    ],
    [
      "CosineAnnealingWarmRestarts",
      ["T_0=4"],
      [
        0.01, 0.00853553390593, 0.005, 0.00146446609407, 0.00853553390593, 0.01, 0.00853553390593, 0.00853553390593,
        0.005, 0.00146446609407, 0.01, 0.00146446609407,
      ],
      null,
    ],
    [
      "OneCycleLR",
      ["max_lr=0.1", "total_steps=20"],
      [
        0.004, 0.01316718427, 0.03716718427, 0.06683281573, 0.1, 0.0890916177571, 0.081174565395, 0.0388741978064,
        0.0283060998209, 4e-7,
      ],
      [
        0.95, 0.940450849719, 0.915450849719, 0.884549150281, 0.85, 0.860908425877, 0.868825509907, 0.911126046698,
        0.921694186956, 0.95,
      ],
    ],
    [
      "OneCycleLR",
      [
        "max_lr=0.1",
        "epochs=3",
        "steps_per_epoch=5",
        "three_phase=True",
        "anneal_strategy='linear'",
        "pct_start=0.4",
        "div_factor=10",
        "final_div_factor=100",
      ],
      [0.01, 0.028, 0.046, 0.064, 0.1, 0.046, 0.028, 0.002575, 0.0001],
      [0.95, 0.93, 0.91, 0.89, 0.85, 0.91, 0.93, 0.95, 0.95],
    ],
    [
      "OneCycleLR",
      ["max_lr=0.1", "total_steps=12", "cycle_momentum=False"],
      [0.004, 0.034978965422, 0.0879285159122, 0.0994415435451, 0.081174565395, 0.0283060998209, 0.0133477530189],
      null,
    ],
    [
      "CyclicLR",
      ["base_lr=0.001", "max_lr=0.01", "step_size_up=4", "step_size_down=3"],
      [0.001, 0.00325, 0.0055, 0.00775, 0.007, 0.00325, 0.0055, 0.004, 0.001, 0.007, 0.004, 0.0055],
      [0.9, 0.875, 0.85, 0.825, 0.833333333333, 0.875, 0.85, 0.866666666667, 0.9, 0.833333333333, 0.866666666667, 0.85],
    ],
    [
      "CyclicLR",
      ["base_lr=0.001", "max_lr=0.01", "step_size_up=4", "mode='triangular2'", "cycle_momentum=False"],
      [0.001, 0.00325, 0.0055, 0.00775, 0.00775, 0.001, 0.002125, 0.004375, 0.00325, 0.0026875, 0.00325, 0.0015625],
      null,
    ],
    [
      "CyclicLR",
      ["base_lr=0.001", "max_lr=0.01", "step_size_up=3", "mode='exp_range'", "gamma=0.95"],
      [
        0.001, 0.00385, 0.006415, 0.008716375, 0.0033213428125, 0.00498052258773, 0.00667224468752, 0.00254002624984,
        0.00392604987469, 0.00213206080761, 0.00315091553445, 0.00192207060318,
      ],
      [
        0.9, 0.868333333333, 0.839833333333, 0.8142625, 0.874207302083, 0.855771971247, 0.836975059028, 0.882888597224,
        0.867488334726, 0.887421546582, 0.876100938506, 0.889754771076,
      ],
    ],
  ] as [string, string[], number[], number[] | null][])("%s with %j moves as there", (name, args, rates, momenta) => {
    const pointAt = createLrPoints({ ...scheduler(name, args), ...base })
    const points = AT.slice(0, rates.length).map(pointAt)
    for (const [index, { rate, momentum }] of points.entries()) {
      expect(rate).toBeCloseTo(rates[index] as number, 12)
      if (momenta === null) expect(momentum).toBeUndefined()
      else expect(momentum).toBeCloseTo(momenta[index] as number, 11)
    }
  })

  it("keep the last rate of OneCycleLR after its steps", () => {
    const rate = createLrSchedule({ scheduler: "OneCycleLR", maxLr: 0.1, cycleSteps: 10, ...base })
    expect(rate(9)).toBeCloseTo(4e-7, 12)
    expect([rate(10), rate(23)]).toEqual([rate(9), rate(9)])
  })

  it.each([
    [{ scheduler: "StepLR" }, /StepLR needs stepSize/],
    [{ scheduler: "StepLR", stepSize: 0 }, /stepSize is 0, expected a whole number from 1/],
    [{ scheduler: "StepLR", stepSize: 2, gama: 1 }, /no option "gama". There are: stepSize, gamma/],
    [{ scheduler: "MultiStepLR", milestones: [] }, /milestones is empty/],
    [{ scheduler: "MultiStepLR", milestones: [1, 0.5] }, /1 is 0.5, expected a whole number/],
    [{ scheduler: "LambdaLR" }, /no scheduler "LambdaLR"/],
    [{ scheduler: "__proto__" }, /no scheduler "__proto__"/],
    [{ scheduler: "OneCycleLR", maxLr: 1 }, /needs cycleSteps, or epochs and stepsPerEpoch/],
    [{ scheduler: "OneCycleLR", maxLr: 1, cycleSteps: 10, pctStart: 0.1 }, /a phase without steps/],
    [{ scheduler: "OneCycleLR", maxLr: 1, cycleSteps: 9, annealStrategy: "sin" }, /expected cos or linear/],
    [{ scheduler: "CyclicLR", baseLr: 0, maxLr: 1, cycleMomentum: 1 }, /cycleMomentum is 1, expected true or false/],
  ])("refuse %j", (movement, message) => {
    expect(() => createLrSchedule({ ...(movement as unknown as TorchScheduler), ...base })).toThrow(message)
  })

  it("refuse a rate or a number of steps out of range, and keep a growing rate in it", () => {
    const grow = { scheduler: "ExponentialLR", gamma: 1.5 } as const
    expect(() => createLrPoints({ ...grow, learningRate: -1, totalSteps: 9 })).toThrow("learningRate is -1, expected")
    expect(() => createLrPoints({ ...grow, learningRate: 1, totalSteps: 0 })).toThrow("totalSteps is 0, expected")
    const pointAt = createLrPoints({ ...grow, learningRate: 400, totalSteps: 9 })
    expect([0, 1, 2, 3].map((step) => pointAt(step).rate)).toEqual([400, 600, 900, 1000])
  })
})

describe("lr_scheduler_args", () => {
  it.each([
    ["StepLR", ["step_size=7.5"], "a whole number from 1 to 10000000"],
    ["StepLR", [], "step_size=…, which StepLR needs"],
    ["StepLR", ["size=7"], "step_size=…, gamma=…"],
    ["StepLR", ["step_size=7 step_size=7"], "step_size once"],
    ["StepLR", ["step_size=7", "last_epoch=3"], "no last_epoch"],
    ["MultiStepLR", ["milestones=a"], "numbers separated by commas, each a whole number from 0 to 10000000"],
    ["OneCycleLR", ["max_lr=1 total_steps=9 anneal_strategy=sin"], "one of cos, linear"],
    ["OneCycleLR", ["max_lr=1 total_steps=9 three_phase=1"], "True or False"],
    ["OneCycleLR", ["max_lr=1 total_steps=9 three_phase=None"], "True or False"],
    ["OneCycleLR", ["max_lr=1 total_steps=2.5"], "a whole number from 1 to 10000000, or None"],
    ["ReduceLROnPlateau", [], expect.stringMatching(/^one of StepLR, /)],
    ["torch.optim.lr_scheduler.__proto__", [], expect.stringMatching(/^one of /)],
  ])("of %s %j are refused", (type, args, expected) => {
    expect(readSchedulerArguments(type, args)).toMatchObject({ problems: [{ expected }] })
  })

  it("name what changes nothing, and take texts with and without quotes", () => {
    const args = ["max_lr=1", "total_steps=9", "last_epoch=-1", "verbose=True", "anneal_strategy=linear"]
    const read = readSchedulerArguments("torch.optim.lr_scheduler.OneCycleLR", args)
    expect(read).toMatchObject({ ignored: ["last_epoch", "verbose"], scheduler: { annealStrategy: "linear" } })
  })
})

describe("momentum that a scheduler moves", () => {
  it("replaces the optimiser's in each update", () => {
    const [plain, moved] = [Float32Array.of(1, -2), Float32Array.of(1, -2)]
    const gradients = Float32Array.of(0.5, 0.25)
    const own = loadOptimizer(plain, initOptimizer({ name: "adamw" }), { name: "adamw", beta1: 0.5 })
    const other = loadOptimizer(moved, initOptimizer({ name: "adamw" }), withMomentum({ name: "adamw" }, 0.95))
    for (let i = 0; i < 3; i++) {
      own.step(gradients, 0.1)
      other.step(gradients, 0.1, 0.5)
    }
    expect(moved).toEqual(plain)
  })

  it("gives plain gradient descent its list of means", () => {
    const values = Float32Array.of(1)
    const sgd = loadOptimizer(values, initOptimizer({ name: "sgd" }), withMomentum({ name: "sgd" }, 0.9))
    sgd.step(Float32Array.of(1), 0.1, 0.9)
    sgd.step(Float32Array.of(1), 0.1, 0.5)
    expect(values[0]).toBeCloseTo(1 - 0.1 - 0.15, 6)
  })

  it("is refused by an optimiser without one", () => {
    expect(() => withMomentum({ name: "adagrad" }, 0.9)).toThrow(/"adagrad": it has no momentum/)
    expect(withMomentum({ name: "adagrad" }, undefined)).toEqual({ name: "adagrad" })
  })
})
