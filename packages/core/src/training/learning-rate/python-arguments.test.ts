import { describe, expect, it } from "vitest"
import type { LrCurve } from "../names.ts"
import { readCurveArguments } from "./python-arguments.ts"

describe("lr_scheduler_args of a curve", () => {
  it.each([
    ["cosine", ["num_cycles=1.5"], { cycles: 3 }],
    ["polynomial", ["lr_end=1e-5", "last_epoch=-1"], { endRate: 1e-5 }],
    ["cosine_with_min_lr", ["min_lr=2e-5"], { minRatio: 0.1 }],
    ["warmup_stable_decay", ["warmup_type='cosine' decay_type=1-sqrt"], { rise: "cosine", fall: "1-sqrt" }],
    [
      "piecewise_constant",
      ['step_rules="1:10,0.01:30,0.1:20,0.005"'],
      {
        pieces: [{ factor: 1, until: 10 }, { factor: 0.1, until: 20 }, { factor: 0.01, until: 30 }, { factor: 0.005 }],
      },
    ],
    ["piecewise_constant", ["step_rules=1:10,0.5"], { pieces: [{ factor: 1, until: 10 }, { factor: 0.5 }] }],
    ["linear", [""], {}],
  ] as [LrCurve, string[], object][])("%s %j become options", (curve, args, options) => {
    expect(readCurveArguments(curve, args, 2e-4)).toEqual({ options })
  })

  it.each([
    ["linear", ["lr_end=0"], "no arguments: linear has none"],
    ["polynomial", ["end=0"], "lr_end=…"],
    ["polynomial", ["lr_end=0 lr_end=0"], "lr_end once"],
    ["polynomial", ["last_epoch=5"], "lr_end=…"],
    ["linear", ["last_epoch=0"], "no arguments: linear has none"],
    ["polynomial", ["lr_end=low"], "a number from 0 to 1000"],
    ["polynomial", ["lr_end=-1"], "a number from 0 to 1000"],
    ["polynomial", ["__proto__=1"], "lr_end=…"],
    ["warmup_stable_decay", ["decay_type=round"], "one of linear, cosine, 1-sqrt"],
    ["piecewise_constant", ["step_rules=1:10"], expect.stringMatching(/a last factor/)],
    ["piecewise_constant", ["step_rules=1:2:3,1"], expect.stringMatching(/a last factor/)],
    ["piecewise_constant", ["step_rules=1:2.5,1"], expect.stringMatching(/a last factor/)],
    ["piecewise_constant", ["step_rules="], expect.stringMatching(/a last factor/)],
  ] as [LrCurve, string[], unknown][])("%s %j are refused", (curve, args, expected) => {
    expect(readCurveArguments(curve, args, 2e-4)).toMatchObject({ problems: [{ expected }] })
  })

  it("are all named that are wrong", () => {
    expect(readCurveArguments("warmup_stable_decay", ["warmup_type=round", "decay=1"], 2e-4)).toEqual({
      problems: [
        { part: "warmup_type=round", expected: "one of linear, cosine, 1-sqrt" },
        { part: "decay=1", expected: "warmup_type=…, decay_type=…" },
      ],
    })
  })
})
