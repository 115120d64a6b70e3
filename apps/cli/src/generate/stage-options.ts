import type { DeepShrink, LatentUnsharp } from "@lllite/core/names"
import {
  DEEP_SHRINK_RANGES,
  DEEP_SHRINK_RATIO,
  DEEP_SHRINK_TIMESTEP,
  GRADUAL_LATENT_DEFAULTS,
  GRADUAL_LATENT_RANGES,
  HIRES_DEFAULTS,
  HIRES_RANGES,
  HIRES_UPSCALERS,
  isInRange,
  LATENT_UNSHARP_RANGES,
  MASKED_CONTENTS,
  OVERLAP_MULTIPLE,
  START_DEFAULTS,
  START_RANGES,
  TILE_MULTIPLE,
  TILING_RANGES,
} from "@lllite/core/names"
import type { OptionReader, OptionTable, Reading } from "@lllite/runtime-node/options"
import { choice, file, flag, ignored, integer, number, refused, taken } from "@lllite/runtime-node/options"

/** What a picture starts from. */
const START = {
  image_path: file({
    valueName: "path",
    help: "Picture to start from, or a folder of them. Pictures of the run take them in turn. Without W and H, they give the size. Without a prompt, their text gives it.",
  }),
  mask_path: file({
    valueName: "path",
    help: "Picture that is white where the picture changes, or a folder of them with the names of the start pictures. Without a start picture, it is a map of regions in red, green and blue.",
  }),
  masked_content: choice(MASKED_CONTENTS, {
    otherwise: START_DEFAULTS.maskedContent,
    help: "What the masked part of a start picture starts as: the picture, the colours around it, noise, nothing (zeros), or grey as in ComfyUI.",
  }),
  strength: number({
    ...START_RANGES.strength,
    otherwise: String(START_DEFAULTS.strength),
    help: "Part of the steps that a start picture, or the second stage of hires fix, runs. 0 keeps the picture.",
  }),
  use_original_file_name: flag({ help: "Pictures have the names of their start pictures." }),
  force_scheduler_zero_steps_offset: flag({
    help: "With --compat sd-scripts: the loop begins at the level of the noise. Without --compat it always does.",
  }),
  clip_vision_strength: refused("there is no CLIP vision model here"),
}

/** Hires fix. */
const HIRES = {
  highres_fix_scale: number({
    ...HIRES_RANGES.scale,
    help: "Draws a smaller picture first, with sides of this factor, and enlarges it (hires fix).",
  }),
  highres_fix_steps: integer({
    ...HIRES_RANGES.steps,
    default: HIRES_DEFAULTS.steps,
    help: "Number of steps of the first stage.",
  }),
  highres_fix_strength: number({
    ...START_RANGES.strength,
    otherwise: "the same as strength",
    help: "Strength with which the first stage changes a start picture.",
  }),
  highres_fix_save_1st: flag({ help: "The picture of the first stage is written, too." }),
  highres_fix_latents_upscaling: flag({ help: "Latents are enlarged (bicubic) instead of the picture." }),
  highres_fix_upscaler: choice(HIRES_UPSCALERS, {
    otherwise: HIRES_DEFAULTS.upscaler,
    because: "modules of Python cannot be run",
    help: "What is enlarged, and how.",
  }),
  highres_fix_upscaler_args: ignored("the upscalers take no arguments"),
  highres_fix_disable_control_net: flag({ help: "LLLites do not act in the second stage." }),
}

/** Deep Shrink and gradual latent. */
const SHRINK = {
  ds_depth_1: integer({
    ...DEEP_SHRINK_RANGES.depth,
    help: "Input block of the U-Net before which features shrink at the beginning (Deep Shrink).",
  }),
  ds_timesteps_1: integer({
    ...DEEP_SHRINK_RANGES.timestep,
    default: DEEP_SHRINK_TIMESTEP,
    help: "Timestep down to which Deep Shrink acts at the first depth.",
  }),
  ds_depth_2: integer({ ...DEEP_SHRINK_RANGES.depth, help: "Depth of Deep Shrink below the first timestep." }),
  ds_timesteps_2: integer({
    ...DEEP_SHRINK_RANGES.timestep,
    default: DEEP_SHRINK_TIMESTEP,
    help: "Timestep down to which Deep Shrink acts at the second depth.",
  }),
  ds_ratio: number({
    ...DEEP_SHRINK_RANGES.ratio,
    default: DEEP_SHRINK_RATIO,
    help: "Factor on both sides of the features.",
  }),
  gradual_latent_timesteps: integer({
    ...GRADUAL_LATENT_RANGES.timestep,
    help: "Begins with smaller latents, which grow below this timestep. It needs the sampler euler_a.",
  }),
  gradual_latent_ratio: number({
    ...GRADUAL_LATENT_RANGES.ratio,
    default: GRADUAL_LATENT_DEFAULTS.ratio,
    help: "Factor on both sides of the latents at the beginning.",
  }),
  gradual_latent_ratio_step: number({
    ...GRADUAL_LATENT_RANGES.ratioStep,
    default: GRADUAL_LATENT_DEFAULTS.ratioStep,
    help: "What each growth adds to the factor.",
  }),
  gradual_latent_every_n_steps: integer({
    ...GRADUAL_LATENT_RANGES.everySteps,
    default: GRADUAL_LATENT_DEFAULTS.everySteps,
    help: "Steps from one growth to the next. With few steps there are fewer, so that the full size is reached.",
  }),
  gradual_latent_s_noise: number({
    ...GRADUAL_LATENT_RANGES.sNoise,
    default: GRADUAL_LATENT_DEFAULTS.sNoise,
    help: "Factor on the noise of steps that grow.",
  }),
  gradual_latent_unsharp_params: taken<LatentUnsharp | undefined>(
    {
      arity: "one",
      valueName: "numbers",
      range: "KERNEL,SIGMA,STRENGTH or KERNEL,SIGMA,STRENGTH,0",
      empty: undefined,
      read: (raw) => (typeof raw === "string" ? readUnsharp(raw) : { expected: UNSHARP }),
    },
    { help: "Sharpens latents that have grown, such as 3,0.5,0.5. A last 0 sharpens those before the step." },
  ),
}

const TILES = {
  tile: integer({
    ...TILING_RANGES.size,
    multipleOf: TILE_MULTIPLE,
    aliases: ["tile_size", "tile_width"],
    nothing: [0],
    otherwise: "the whole picture at once",
    help: "Side of the tiles in which a larger picture is drawn, in pixels: about the size that the model knows. Tiles overlap and are averaged in every pass (MultiDiffusion). LLLites and ControlNets are cut for each.",
  }),
  tile_overlap: integer({
    ...TILING_RANGES.overlap,
    multipleOf: OVERLAP_MULTIPLE,
    otherwise: "an eighth of tile",
    help: "What neighbouring tiles share at least, in pixels: at most half of a tile.",
  }),
  vae_tile: integer({
    ...TILING_RANGES.size,
    multipleOf: TILE_MULTIPLE,
    aliases: ["vae_tile_size"],
    nothing: [0],
    otherwise: "tiles if the picture does not fit the memory",
    help: "Side of the tiles in which the VAE computes a larger picture, in pixels. They need less memory than vae_slices, and change the picture a little.",
  }),
} satisfies OptionTable

/** What a picture starts from, and in which sizes it is made. */
export const STAGE_OPTIONS = {
  ...START,
  ...HIRES,
  ...SHRINK,
  ...TILES,
  strict: flag({ help: "Refuses sizes and options with which the embeddings of LLLites are resampled." }),
} satisfies OptionTable

export type StageReader = OptionReader<typeof STAGE_OPTIONS>

const UNSHARP = "KERNEL,SIGMA,STRENGTH such as 3,0.5,0.5, with an odd kernel"

/** Reads the settings of sharpening, as sd-scripts writes them. */
export function readUnsharp(text: string): Reading<LatentUnsharp> {
  const parts = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)))
  const [kernel, sigma, strength, target = 1] = parts
  const ranges = LATENT_UNSHARP_RANGES
  if (
    parts.length > 4 ||
    !isInRange(kernel, ranges.kernel) ||
    !isInRange(sigma, ranges.sigma) ||
    !isInRange(strength, ranges.strength) ||
    !Number.isInteger(target) ||
    (kernel as number) % 2 === 0
  ) {
    return { expected: UNSHARP }
  }
  const [k, s, f] = [kernel, sigma, strength] as [number, number, number]
  return { value: { kernel: k, sigma: s, strength: f, target: target === 0 ? "start" : "step" } }
}

/** Options that have an effect beside another one only. */
const NEEDED = [
  ["imagePath", ["useOriginalFileName"], "a picture to start from"],
  [
    "highresFixScale",
    [
      ...(["highresFixSteps", "highresFixStrength", "highresFixSave1st", "highresFixLatentsUpscaling"] as const),
      ...(["highresFixUpscaler", "highresFixDisableControlNet"] as const),
    ],
    "the factor of the first stage",
  ],
  ["dsDepth1", ["dsTimesteps1", "dsDepth2", "dsRatio"], "the depth of Deep Shrink"],
  ["dsDepth2", ["dsTimesteps2"], "the second depth of Deep Shrink"],
  [
    "gradualLatentTimesteps",
    [
      ...(["gradualLatentRatio", "gradualLatentRatioStep", "gradualLatentEveryNSteps"] as const),
      ...(["gradualLatentSNoise", "gradualLatentUnsharpParams"] as const),
    ],
    "the timestep below which latents grow",
  ],
] as const

/** Checks options of stages that depend on others. The reader keeps the problems. */
export function checkStageOptions({ settings, check, nameOf, isGiven }: StageReader, sampler: string): void {
  for (const [owner, others, what] of NEEDED) {
    for (const name of others) {
      check([name, owner], () =>
        isGiven(name) && settings[owner] === undefined
          ? `${nameOf(name)} has no effect without ${nameOf(owner)}, expected ${what}`
          : null,
      )
    }
  }
  const { dsDepth2, dsTimesteps1, dsTimesteps2, highresFixLatentsUpscaling, highresFixUpscaler } = settings
  check(["dsDepth1", "dsDepth2", "dsTimesteps1", "dsTimesteps2"], () =>
    dsDepth2 !== undefined && dsTimesteps2 >= dsTimesteps1
      ? `${nameOf("dsTimesteps2")} is ${dsTimesteps2} and ${nameOf("dsTimesteps1")} ${dsTimesteps1}, expected less: the second depth acts below the first timestep`
      : null,
  )
  check(["highresFixLatentsUpscaling", "highresFixUpscaler"], () =>
    highresFixLatentsUpscaling && highresFixUpscaler === "lanczos"
      ? `${nameOf("highresFixLatentsUpscaling")} and ${nameOf("highresFixUpscaler")} lanczos exclude each other. Keep one of them`
      : null,
  )
  check(["tile", "tileOverlap"], () => {
    const { tile, tileOverlap } = settings
    if (tileOverlap === undefined) return null
    if (tile === undefined)
      return `${nameOf("tileOverlap")} has no effect without ${nameOf("tile")}, expected the side of the tiles`
    return 2 * tileOverlap > tile
      ? `${nameOf("tileOverlap")} is ${tileOverlap} and ${nameOf("tile")} ${tile}, expected at most half of it`
      : null
  })
  check(["gradualLatentTimesteps"], () => {
    if (settings.gradualLatentTimesteps === undefined) return null
    if (settings.tile !== undefined) {
      return `${nameOf("gradualLatentTimesteps")} and ${nameOf("tile")} exclude each other, because latents that grow have other tiles in every step`
    }
    if (settings.maskPath !== undefined) {
      return `${nameOf("gradualLatentTimesteps")} and ${nameOf("maskPath")} exclude each other, because a mask keeps latents of the full size`
    }
    return sampler === "euler_a" || sampler === "k_euler_a"
      ? null
      : `${nameOf("gradualLatentTimesteps")} needs the sampler euler_a, got ${sampler}`
  })
}

/** Deep Shrink as its five numbers give it. @returns null without a depth */
export function deepShrinkOf(numbers: {
  readonly dsDepth1: number | undefined
  readonly dsTimesteps1: number
  readonly dsDepth2: number | undefined
  readonly dsTimesteps2: number
  readonly dsRatio: number
}): DeepShrink | null {
  const { dsDepth1, dsTimesteps1, dsDepth2, dsTimesteps2, dsRatio: ratio } = numbers
  if (dsDepth1 === undefined) return null
  const second = dsDepth2 === undefined ? [] : [{ depth: dsDepth2, timestep: dsTimesteps2 }]
  return { levels: [{ depth: dsDepth1, timestep: dsTimesteps1 }, ...second], ratio }
}
