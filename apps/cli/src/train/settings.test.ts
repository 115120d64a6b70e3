import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { LR_CURVES } from "@lllite/core/training"
import { describe, expect, it } from "vitest"
import { LR_SCHEDULERS, NEEDLESS_OPTIONS, REFUSED_OPTIONS, TRAIN_OPTIONS } from "./options.ts"
import { readConfigFile, readTrainSettings } from "./settings.ts"

const least = {
  pretrained_model_name_or_path: "tiny",
  train_data_dir: "images",
  conditioning_data_dir: "controls",
  output_dir: "out",
}
const read = (more: Record<string, unknown> = {}) => readTrainSettings(null, { ...least, ...more })

describe("readTrainSettings", () => {
  it("fills in what is not said", () => {
    expect(read()).toMatchObject({
      model: { checkpoint: "tiny" },
      vaeSlices: null,
      prediction: "epsilon",
      startFrom: null,
      mlpDim: 64,
      condDim: 32,
      datasetConfig: null,
      datasetOptions: { image_dir: "images", conditioning_data_dir: "controls" },
      length: { steps: 1600 },
      seed: 0,
      learningRate: 2e-4,
      lr: { curve: "constant" },
      init: "default",
      minTimestep: 0,
      maxTimestep: 1000,
      timestepsGiven: false,
      loss: "l2",
      outputName: "last",
      dtype: "F32",
      saveEvery: null,
      metadata: { title: "last" },
      notices: [],
    })
  })

  it("lets the command line win over the file", () => {
    const file = { path: "a.toml", values: { ...least, seed: 1, network_dim: 16 } }
    expect(readTrainSettings(file, { seed: "2" })).toMatchObject({ seed: 2, mlpDim: 16 })
  })

  it("hands the data set's options on by the names its files have", () => {
    expect(read({ resolution: "768,512", train_batch_size: "4", enable_bucket: true }).datasetOptions).toEqual({
      image_dir: "images",
      conditioning_data_dir: "controls",
      resolution: "768,512",
      batch_size: 4,
      enable_bucket: true,
    })
    const { datasetConfig, datasetOptions, notices } = read({ dataset_config: "set.toml", dataset_repeats: 2 })
    expect([datasetConfig, datasetOptions]).toEqual(["set.toml", { num_repeats: 2 }])
    expect(notices).toEqual([
      "train_data_dir has no effect: dataset_config is given.",
      "conditioning_data_dir has no effect: dataset_config is given.",
    ])
  })

  it("turns the rate's options into core's, and passes over those that ask for nothing", () => {
    const usual = { lr_warmup_steps: 0, lr_scheduler_num_cycles: 1, lr_scheduler_power: 1 }
    expect(read(usual).lr).toEqual({ curve: "constant" })
    expect(
      read({ lr_scheduler: "cosine_with_min_lr", lr_scheduler_min_lr_ratio: 0.1, lr_scheduler_num_cycles: 3 }).lr,
    ).toEqual({ curve: "cosine_with_min_lr", minRatio: 0.1, cycles: 3 })
    expect(read({ lr_scheduler: "warmup_stable_decay", lr_warmup_steps: 10, lr_decay_steps: 0.2 }).lr).toEqual({
      curve: "warmup_stable_decay",
      warmup: { steps: 10 },
      decay: { share: 0.2 },
    })
    expect(LR_SCHEDULERS).toEqual(LR_CURVES)
  })

  it("turns the loss's options into core's", () => {
    const options = { loss_type: "huber", huber_schedule: "constant", huber_c: 0.2, min_snr_gamma: 5 }
    expect(read({ ...options, debiased_estimation_loss: true })).toMatchObject({
      loss: "huber",
      huber: { schedule: "constant", delta: 0.2 },
      weights: { minSnrGamma: 5, debiased: true },
    })
  })

  it("says which options have no effect", () => {
    expect(read({ xformers: true, mixed_precision: "bf16", lowram: false }).notices).toEqual([
      "xformers has no effect: attention is computed one way here.",
      "mixed_precision has no effect: training computes in float32.",
    ])
  })

  it.each([
    [{ pretrained_model_name_or_path: undefined }, /pretrained_model_name_or_path is missing/],
    [{ output_dir: undefined }, /output_dir is missing/],
    [{ conditioning_data_dir: undefined }, /conditioning_data_dir is missing/],
    [{ network_dims: 4 }, /no option "network_dims"\. Did you mean "network_dim"\?/],
    [{ flip_aug: true }, /flip_aug cannot be followed: pictures are not altered here/],
    [{ resume: "x" }, /resume cannot be followed: a run cannot be resumed yet/],
    [{ optimizer_type: "Lion" }, /optimizer_type is "Lion", expected "adamw"/],
    [{ save_model_as: "ckpt" }, /save_model_as is "ckpt", expected "safetensors": ckpt and pt files are pickles/],
    [{ lr_scheduler: "adafactor" }, /lr_scheduler is "adafactor", expected one of constant/],
    [{ conditioner_init: "zero" }, /conditioner_init is "zero", expected one of default, normalised/],
    [{ network_weights: "a", conditioner_init: "normalised" }, /conditioner_init comes from the file/],
    [{ lr_warmup_steps: 10 }, /"constant" has no warm-up/],
    [{ cond_emb_dim: 5 }, /cond_emb_dim is 5, expected an even number/],
    [{ network_dim: 0 }, /network_dim is 0, expected at least 1/],
    [{ min_timestep: 900, max_timestep: 900 }, /timesteps 900 to 900/],
    [{ learning_rate: 0 }, /learning_rate is 0/],
    [{ output_name: "a/b" }, /output_name is "a\/b"/],
    [{ save_every_n_steps: 1, save_every_n_epochs: 1 }, /expected one of them/],
    [{ huber_c: 0.2 }, /the huber options are for loss_type huber and smooth_l1/],
    [{ network_weights: "a", network_dim: 4 }, /network_dim comes from the file/],
    [{ dataset_repeats: 2 }, /dataset_repeats is for dataset_config/],
  ])("refuses %j", (more, message) => {
    expect(() => read(more)).toThrow(message)
  })

  it("has one fate for every option", () => {
    const names = [
      ...TRAIN_OPTIONS.map(({ name }) => name),
      ...Object.keys(NEEDLESS_OPTIONS),
      ...Object.keys(REFUSED_OPTIONS),
    ]
    expect(new Set(names).size).toBe(names.length)
  })
})

describe("readConfigFile", () => {
  const withFile = async (text: string, use: (path: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), "lllite-config-"))
    await writeFile(join(folder, "a.toml"), text)
    await use(join(folder, "a.toml")).finally(() => rm(folder, { recursive: true }))
  }

  it("flattens sections", () =>
    withFile("seed = 1\n[model]\nnetwork_dim = 4\n[data]\nresolution = [64, 32]", async (path) => {
      expect(await readConfigFile(path)).toEqual({ seed: 1, network_dim: 4, resolution: [64, 32] })
    }))

  it("refuses an option that is given twice", () =>
    withFile("[a]\nseed = 1\n[b]\nseed = 2", async (path) => {
      await expect(readConfigFile(path)).rejects.toThrow(/gives seed twice/)
    }))

  it("refuses what is no TOML, and what is not there", () =>
    withFile("seed 1", async (path) => {
      await expect(readConfigFile(path)).rejects.toThrow(/a\.toml" is no valid TOML/)
      await expect(readConfigFile(`${path}x`)).rejects.toThrow(/there is no such file/)
    }))
})
