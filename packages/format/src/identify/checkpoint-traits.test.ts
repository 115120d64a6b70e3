import { describe, expect, it } from "vitest"
import type { Dtype } from "../safetensors/dtype.ts"
import type { TraitSource } from "./checkpoint-traits.ts"
import { readCheckpointTraits } from "./checkpoint-traits.ts"
import { describesPacking, scaleNameOf } from "./quantisation.ts"

type Entry = readonly [name: string, shape?: readonly number[], dtype?: Dtype]

const FIRST = "model.diffusion_model.input_blocks.0.0.weight"
const LINEAR = "model.diffusion_model.middle_block.1.proj_in"

const tensorsOf = (entries: readonly Entry[]): TraitSource["tensors"] =>
  new Map(entries.map(([name, shape = [4, 4], dtype = "F16"]) => [name, { shape, dtype }]))
const read = (entries: readonly Entry[], metadata: Readonly<Record<string, string>> = {}, label = "a.safetensors") =>
  readCheckpointTraits({ tensors: tensorsOf(entries), metadata: new Map(Object.entries(metadata)), label })

it("finds nothing special about an ordinary checkpoint", () => {
  expect(read([[FIRST, [320, 4, 3, 3]], [`${LINEAR}.weight`]])).toEqual({
    prediction: null,
    saidBy: null,
    zeroTerminalSnr: false,
    scaledWeights: 0,
    refusals: [],
    notices: [],
  })
})

describe("prediction", () => {
  it.each([
    [[["v_pred", [0]]], {}, "v", 'the tensor "v_pred"'],
    // A marker wins over metadata that are left from the model that it was made of.
    [[["v_pred", [0]]], { "modelspec.prediction_type": "epsilon" }, "v", 'the tensor "v_pred"'],
    [[], { "modelspec.prediction_type": "v" }, "v", "modelspec.prediction_type in its metadata"],
    [[], { "modelspec.prediction_type": "V-Prediction" }, "v", "modelspec.prediction_type in its metadata"],
    [[], { "modelspec.prediction_type": " EPS\n" }, "epsilon", "modelspec.prediction_type in its metadata"],
    [[], { "modelspec.prediction_type": "epsilon" }, "epsilon", "modelspec.prediction_type in its metadata"],
    [[], { "scheduler_config.prediction_type": "v_prediction" }, "v", "scheduler_config.json"],
    [[], { ss_v_parameterization: "True" }, "v", "ss_v_parameterization in its metadata"],
    [[], { ss_v_parameterization: " true\n" }, "v", "ss_v_parameterization in its metadata"],
    [[], { ss_v_parameterization: "1" }, "v", "ss_v_parameterization in its metadata"],
    [[], { ss_v_parameterization: "False" }, null, null],
    [[], { ss_v_parameterization: "1.5" }, null, null],
    [[], { ss_v_parameterization: "untrue" }, null, null],
  ] as const)("reads %j with %j as %s", (tensors, metadata, prediction, saidBy) => {
    expect(read(tensors, metadata)).toMatchObject({ prediction, saidBy, notices: [] })
  })

  it.each(["sample", "flow", "constructor", "__proto__", "", "ep-s"])(
    "names a prediction %j that is not known",
    (value) => {
      const { prediction, notices } = read([], { "modelspec.prediction_type": value })
      expect(prediction).toBeNull()
      expect(notices).toEqual([expect.stringContaining(`is ${JSON.stringify(value)}, which is not followed`)])
    },
  )

  it("follows zero terminal SNR with v alone", () => {
    expect(
      read([
        ["v_pred", [0]],
        ["ztsnr", [0]],
      ]).zeroTerminalSnr,
    ).toBe(true)
    expect(
      read([], {
        "scheduler_config.prediction_type": "v_prediction",
        "scheduler_config.rescale_betas_zero_snr": "true",
      }).zeroTerminalSnr,
    ).toBe(true)
    const both = read([], { ss_v_parameterization: "True", ss_zero_terminal_snr: "True" })
    expect(both).toMatchObject({ zeroTerminalSnr: true, notices: [] })
    const alone = read([["ztsnr", [0]]])
    expect(alone.zeroTerminalSnr).toBe(false)
    expect(alone.notices).toEqual([expect.stringMatching(/zero terminal SNR without v-prediction/)])
  })
})

it.each([FIRST, "conv_in.weight"])("says of nine channels in %s that a mask is needed", (name) => {
  const { refusals, notices } = read([[name, [320, 9, 3, 3]]])
  expect(refusals).toEqual([])
  expect(notices).toEqual([expect.stringMatching(/an inpainting checkpoint\. It needs .* a mask/)])
})

describe("refusals", () => {
  it.each([
    ["editing by instructions", [["input_blocks.0.0.weight", [320, 8, 3, 3]]], /editing by instructions/],
    ["EDM of Playground", [["edm_mean", [4]]], /EDM's noise levels, as its tensor "edm_mean" says/],
    ["EDM of Playground", [["edm_std", [4]]], /as its tensor "edm_std" says/],
    ["EDM of CosXL", [["edm_vpred.sigma_max", []]], /EDM's noise levels/],
    [
      "nf4",
      [
        [`${LINEAR}.weight`, [8, 1], "U8"],
        [`${LINEAR}.weight.absmax`, [1], "F32"],
        [`${LINEAR}.weight.quant_state.bitsandbytes__nf4`, [2], "U8"],
      ],
      /quantised to nf4 by bitsandbytes/,
    ],
    [
      "int8",
      [
        [`${LINEAR}.weight`, [4, 4], "I8"],
        [`${LINEAR}.SCB`, [4], "F32"],
      ],
      /quantised to int8 by bitsandbytes/,
    ],
    ["GPTQ", [[`${LINEAR}.qweight`, [4, 4], "I32"]], /quantised by GPTQ/],
    [
      "nvfp4",
      [
        [`${LINEAR}.weight`, [4, 2], "U8"],
        [`${LINEAR}.weight_scale_2`, []],
      ],
      /quantised to nvfp4/,
    ],
    ["bare integers", [[`${LINEAR}.weight`, [4, 4], "I8"]], /quantised to I8, as ".*proj_in\.weight"/],
    [
      "scales of blocks",
      [
        [`${LINEAR}.weight`, [4, 64], "F8_E4M3"],
        [`${LINEAR}.weight_scale`, [4, 2], "F32"],
      ],
      /quantised in blocks/,
    ],
    [
      "scales of blocks, as many as there are rows",
      [
        [`${LINEAR}.weight`, [4, 64], "F8_E4M3"],
        [`${LINEAR}.weight_scale`, [2, 2], "F32"],
      ],
      /quantised in blocks/,
    ],
  ] as const)("name %s", (_, tensors, message) => {
    expect(read(tensors).refusals).toEqual([expect.stringMatching(message)])
  })

  it("leave scaled fp8 alone, whose scales are one number or one for each row", () => {
    const scaled = read([
      ["model.diffusion_model.scaled_fp8", [2], "F8_E4M3"],
      ["a.weight", [4, 64], "F8_E4M3"],
      ["a.scale_weight", [1], "F32"],
      ["b.weight", [4, 64], "F8_E4M3"],
      ["b.weight_scale", [], "F32"],
      ["b.comfy_quant", [30], "U8"],
      ["c.weight", [4, 64], "F8_E4M3"],
      ["c.weight_scale", [4, 1], "F32"],
      ["c.input_scale", [], "F32"],
    ])
    expect(scaled).toMatchObject({ refusals: [], scaledWeights: 3 })
  })
})

it("says what a name says", () => {
  expect(read([], {}, "sd_xl_turbo_1.0_fp16.safetensors").notices).toEqual([
    expect.stringMatching(/Its name says Turbo\. .* few steps .* guidance scale near 1/),
  ])
  expect(read([], { "modelspec.title": "dreamshaper lightning" }).notices).toHaveLength(1)
  expect(read([], {}, "noobai-vpred.safetensors").notices).toEqual([expect.stringMatching(/name says v-prediction/)])
  expect(read([["v_pred", [0]]], {}, "noobai-vpred.safetensors").notices).toEqual([])
  for (const name of ["noobai v pred", "noobai_v_pred", "noobai-v-pred"])
    expect(read([], {}, name).notices).toHaveLength(1)
  expect(read([], {}, "navypred.safetensors").notices).toEqual([])
  expect(read([], {}, "wholcmar.safetensors").notices).toEqual([])
  for (const name of ["time_embedding.cond_proj.weight", "model.diffusion_model.time_embed.cond_proj.weight"]) {
    expect(read([[name]]).notices).toEqual([expect.stringMatching(/guidance scale as an embedding/)])
  }
})

it("finds the scale of a weight, and the tensors that only describe packing", () => {
  expect(scaleNameOf(new Set(["scale_weight"]), "a.bias")).toBeNull()
  const names = new Set(["a.weight", "a.scale_weight", "b.weight", "b.weight_scale", "c.weight"])
  expect([...names].map((name) => scaleNameOf(names, name))).toEqual([
    "a.scale_weight",
    null,
    "b.weight_scale",
    null,
    null,
  ])
  expect(
    [...names, "scaled_fp8", "x.scaled_fp8", "a.comfy_quant", "a.input_scale", "scaled_fp8.weight"].filter(
      describesPacking,
    ),
  ).toEqual(["a.scale_weight", "b.weight_scale", "scaled_fp8", "x.scaled_fp8", "a.comfy_quant", "a.input_scale"])
})
