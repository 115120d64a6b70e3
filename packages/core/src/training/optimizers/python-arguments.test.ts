import { describe, expect, it } from "vitest"
import { OPTIMIZER_TYPES, optimizerOfType, readOptimizerArguments } from "./python-arguments.ts"

describe("optimizer_type", () => {
  it.each([
    ["", "adamw"],
    ["AdamW", "adamw"],
    ["PagedAdamW8bit", "adamw8bit"],
    ["bitsandbytes.optim.AdamW8bit", "adamw8bit"],
    ["came_pytorch.CAME", "came"],
    ["pytorch_optimizer.CAME", "came"],
    ["AdaFactor", "adafactor"],
    ["torch.optim.Adafactor", "torch.optim.adafactor"],
    ["torch.optim.RMSprop", "rmsprop"],
    ["DAdaptAdamPreprint", "dadaptation"],
    ["dadaptation.DAdaptLion", "dadaptlion"],
    ["SGDNesterov", "sgd"],
  ])("%j means %s", (type, name) => expect(optimizerOfType(type)).toBe(name))

  it.each(["plain", "toString", "__proto__", "optim.AdamW", "torch.optim."])("does not know %j", (type) => {
    expect(optimizerOfType(type)).toBeNull()
    expect(readOptimizerArguments(type, [])).toEqual({
      problems: [{ part: type, expected: `one of ${OPTIMIZER_TYPES.join(", ")}` }],
    })
  })
})

describe("optimizer_args", () => {
  it.each([
    ["adamw", ["eps=1e-6", "weight_decay=0"], { name: "adamw", epsilon: 1e-6, weightDecay: 0 }],
    ["adamw", ["betas=0.8,0.95"], { name: "adamw", beta1: 0.8, beta2: 0.95 }],
    ["adamw", ["betas=(.8, 0.95,)", "amsgrad=True"], { name: "adamw", beta1: 0.8, beta2: 0.95, amsgrad: true }],
    ["adamw", ["weight_decay=0.1 betas=[0.8, 0.95] eps=1E-3"], { weightDecay: 0.1, beta1: 0.8, epsilon: 1e-3 }],
    ["sgdnesterov", [], { name: "sgd", momentum: 0.9, nesterov: true }],
    ["sgdnesterov", ["momentum=0.5"], { name: "sgd", momentum: 0.5, nesterov: true }],
    ["prodigy", ["decouple=True", "d_coef=2", "beta3=None", "growth_rate=1.02"], { dCoef: 2, beta3: null }],
    ["adafactor", ["relative_step=False", "scale_parameter=False", "eps=1e-30,1e-3"], { epsilon2: 1e-3 }],
    ["adafactor", ["beta1=None"], { beta1: null }],
    ["came_pytorch.CAME", ["betas=0.9,0.99,0.999", "clip_threshold=2"], { beta3: 0.999, clipThreshold: 2 }],
    ["adamwschedulefree", ["warmup_steps=100", "r=0.5", "weight_lr_power=1.0"], { warmupSteps: 100, weightLrPower: 1 }],
  ])("of %s %j become options", (type, args, optimizer) => {
    const read = readOptimizerArguments(type, args)
    expect("optimizer" in read && read.optimizer).toMatchObject(optimizer)
  })

  it("that change nothing are named", () => {
    expect(readOptimizerArguments("adamw", ["foreach=None", "fused=True", "maximize=False"])).toEqual({
      optimizer: { name: "adamw" },
      ignored: ["foreach", "fused", "maximize"],
    })
  })

  it.each([
    ["adamw", "eps=tiny", "a number of at least 0"],
    ["adamw", "eps=-1", "a number of at least 0"],
    ["adamw", "eps=1,2", "a number of at least 0"],
    ["adamw", "betas=0.9", "2 values, each a number of at least 0 and below 1"],
    ["adamw", "betas=0.9,1", "2 values, each a number of at least 0 and below 1"],
    ["adamw", "amsgrad=1", "True or False"],
    ["adamw", "maximize=True", "maximize=False"],
    ["adamw", "optim_bits=8", "betas=…, eps=…, amsgrad=…, weight_decay=…"],
    ["adamw", "toString=1", "betas=…, eps=…, amsgrad=…, weight_decay=…"],
    ["adamw", "eps", "betas=…, eps=…, amsgrad=…, weight_decay=…"],
    ["adafactor", "beta1=2", "a number of at least 0 and below 1, or None"],
  ])("of %s do not take %j", (type, part, expected) => {
    expect(readOptimizerArguments(type, [part])).toEqual({ problems: [{ part, expected }] })
  })

  it("are taken once", () => {
    expect(readOptimizerArguments("adamw", ["eps=1e-6 eps=1e-7"])).toEqual({
      problems: [{ part: "eps=1e-7", expected: "eps once" }],
    })
  })

  it("are all named that are wrong, with the nearest name", () => {
    expect(readOptimizerArguments("adamw", ["weight_decy=0.1", "betas=0.9 eps=1e-6", "foo"])).toEqual({
      problems: [
        {
          part: "weight_decy=0.1",
          expected: "betas=…, eps=…, amsgrad=…, weight_decay=…. Did you mean weight_decay?",
        },
        { part: "betas=0.9", expected: "2 values, each a number of at least 0 and below 1" },
        { part: "foo", expected: "betas=…, eps=…, amsgrad=…, weight_decay=…" },
      ],
    })
  })
})
