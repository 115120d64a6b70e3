/* The classes of nodes that can be followed, with their inputs in the order in which ComfyUI lists them. */

/** An input of a node. */
export interface InputType {
  /** The type of its value, by ComfyUI's name. */
  readonly type: string
  /** Whether the node shows a field for it. Fields have their values in the file, in this order. */
  readonly isField: boolean
  /** The value where the file has none. Undefined: it is required. */
  readonly fallback?: unknown
  /** Whether the field is followed by another, which says how the value changes after a run. */
  readonly hasControl?: true
  /** Whether the node runs without it. */
  readonly isOptional?: true
}

/** A class of nodes. */
export interface NodeType {
  readonly inputs: Readonly<Record<string, InputType>>
  /** The types of its outputs. */
  readonly outputs: readonly string[]
}

const link = (type: string): InputType => ({ type, isField: false })
const optional = (type: string): InputType => ({ type, isField: false, isOptional: true })
const name: InputType = { type: "COMBO", isField: true }
const choice = (fallback: string): InputType => ({ type: "COMBO", isField: true, fallback })
const text: InputType = { type: "STRING", isField: true, fallback: "" }
const int = (fallback: number): InputType => ({ type: "INT", isField: true, fallback })
const float = (fallback: number): InputType => ({ type: "FLOAT", isField: true, fallback })
const flag = (fallback: boolean): InputType => ({ type: "BOOLEAN", isField: true, fallback })
const seed: InputType = { type: "INT", isField: true, fallback: 0, hasControl: true }

const SCALE = { image: link("IMAGE"), upscale_method: choice("nearest-exact") }
const LATENT_SCALE = { samples: link("LATENT"), upscale_method: choice("nearest-exact") }
const PERCENT = { strength: float(1), start_percent: float(0), end_percent: float(1) }
const SIGMA_RANGE = { steps: int(20), sigma_max: float(14.614642), sigma_min: float(0.0291675) }
const ETA = { eta: float(1), s_noise: float(1) }
const NOISE_DEVICE = { noise_device: choice("gpu") }
const ADVANCED = {
  mask_optional: optional("MASK"),
  timestep_kf: optional("TIMESTEP_KEYFRAME"),
  latent_kf_override: optional("LATENT_KEYFRAME"),
  weights_override: optional("CONTROL_NET_WEIGHTS"),
  vae_optional: optional("VAE"),
}

const KEYFRAME = {
  ...{ cn_weights: optional("CONTROL_NET_WEIGHTS"), latent_keyframe: optional("LATENT_KEYFRAME") },
  null_latent_kf_strength: float(0),
}

/**
 * The classes that can be followed. Source: ComfyUI a125cd8 (`nodes.py`, `comfy_extras`), kohya's
 * ControlNet-LLLite-ComfyUI 103a445, ComfyUI-Advanced-ControlNet 9e60d8a, and comfyui_controlnet_aux.
 */
export const NODE_TYPES = {
  // models
  CheckpointLoaderSimple: { inputs: { ckpt_name: name }, outputs: ["MODEL", "CLIP", "VAE"] },
  CheckpointLoader: { inputs: { config_name: name, ckpt_name: name }, outputs: ["MODEL", "CLIP", "VAE"] },
  UNETLoader: { inputs: { unet_name: name, weight_dtype: choice("default") }, outputs: ["MODEL"] },
  VAELoader: { inputs: { vae_name: name }, outputs: ["VAE"] },
  LoraLoader: {
    inputs: {
      ...{ model: link("MODEL"), clip: link("CLIP"), lora_name: name },
      ...{ strength_model: float(1), strength_clip: float(1) },
    },
    outputs: ["MODEL", "CLIP"],
  },
  LoraLoaderModelOnly: {
    inputs: { model: link("MODEL"), lora_name: name, strength_model: float(1) },
    outputs: ["MODEL"],
  },
  CLIPSetLastLayer: { inputs: { clip: link("CLIP"), stop_at_clip_layer: int(-1) }, outputs: ["CLIP"] },
  ModelSamplingDiscrete: {
    inputs: { model: link("MODEL"), sampling: choice("eps"), zsnr: flag(false) },
    outputs: ["MODEL"],
  },
  RescaleCFG: { inputs: { model: link("MODEL"), multiplier: float(0.7) }, outputs: ["MODEL"] },
  LLLiteLoader: {
    inputs: {
      ...{ model: link("MODEL"), model_name: name, cond_image: link("IMAGE"), strength: float(1), steps: int(0) },
      ...{ start_percent: float(0), end_percent: float(0), latents: optional("LATENT") },
    },
    outputs: ["MODEL"],
  },
  // text
  CLIPTextEncode: { inputs: { text, clip: link("CLIP") }, outputs: ["CONDITIONING"] },
  CLIPTextEncodeSDXL: {
    inputs: {
      ...{ clip: link("CLIP"), width: int(1024), height: int(1024), crop_w: int(0), crop_h: int(0) },
      ...{ target_width: int(1024), target_height: int(1024), text_g: text, text_l: text },
    },
    outputs: ["CONDITIONING"],
  },
  ConditioningCombine: {
    inputs: { conditioning_1: link("CONDITIONING"), conditioning_2: link("CONDITIONING") },
    outputs: ["CONDITIONING"],
  },
  ConditioningConcat: {
    inputs: { conditioning_to: link("CONDITIONING"), conditioning_from: link("CONDITIONING") },
    outputs: ["CONDITIONING"],
  },
  ConditioningAverage: {
    inputs: {
      ...{ conditioning_to: link("CONDITIONING"), conditioning_from: link("CONDITIONING") },
      conditioning_to_strength: float(1),
    },
    outputs: ["CONDITIONING"],
  },
  ConditioningZeroOut: { inputs: { conditioning: link("CONDITIONING") }, outputs: ["CONDITIONING"] },
  ConditioningSetArea: {
    inputs: {
      ...{ conditioning: link("CONDITIONING"), width: int(64), height: int(64), x: int(0), y: int(0) },
      strength: float(1),
    },
    outputs: ["CONDITIONING"],
  },
  ConditioningSetAreaPercentage: {
    inputs: {
      ...{ conditioning: link("CONDITIONING"), width: float(1), height: float(1), x: float(0), y: float(0) },
      strength: float(1),
    },
    outputs: ["CONDITIONING"],
  },
  ConditioningSetAreaStrength: {
    inputs: { conditioning: link("CONDITIONING"), strength: float(1) },
    outputs: ["CONDITIONING"],
  },
  ConditioningSetMask: {
    inputs: {
      ...{ conditioning: link("CONDITIONING"), mask: link("MASK"), strength: float(1) },
      set_cond_area: choice("default"),
    },
    outputs: ["CONDITIONING"],
  },
  ConditioningSetTimestepRange: {
    inputs: { conditioning: link("CONDITIONING"), start: float(0), end: float(1) },
    outputs: ["CONDITIONING"],
  },
  // control
  SetUnionControlNetType: {
    inputs: { control_net: link("CONTROL_NET"), type: choice("auto") },
    outputs: ["CONTROL_NET"],
  },
  ControlNetLoader: { inputs: { control_net_name: name }, outputs: ["CONTROL_NET"] },
  ControlNetApply: {
    inputs: {
      ...{ conditioning: link("CONDITIONING"), control_net: link("CONTROL_NET"), image: link("IMAGE") },
      strength: float(1),
    },
    outputs: ["CONDITIONING"],
  },
  ControlNetApplyAdvanced: {
    inputs: {
      ...{ positive: link("CONDITIONING"), negative: link("CONDITIONING"), control_net: link("CONTROL_NET") },
      ...{ image: link("IMAGE"), ...PERCENT, vae: optional("VAE") },
    },
    outputs: ["CONDITIONING", "CONDITIONING"],
  },
  ACN_ControlNetLoaderAdvanced: {
    inputs: { cnet: name, _tk_opt: optional("TIMESTEP_KEYFRAME") },
    outputs: ["CONTROL_NET"],
  },
  ControlNetLoaderAdvanced: {
    inputs: { control_net_name: name, tk_optional: optional("TIMESTEP_KEYFRAME") },
    outputs: ["CONTROL_NET"],
  },
  ACN_AdvancedControlNetApply_v2: {
    inputs: {
      ...{ positive: link("CONDITIONING"), negative: link("CONDITIONING"), control_net: link("CONTROL_NET") },
      ...{ image: link("IMAGE"), ...PERCENT, ...ADVANCED },
    },
    outputs: ["CONDITIONING", "CONDITIONING"],
  },
  ACN_AdvancedControlNetApply: {
    inputs: {
      ...{ positive: link("CONDITIONING"), negative: link("CONDITIONING"), control_net: link("CONTROL_NET") },
      ...{ image: link("IMAGE"), ...PERCENT, ...ADVANCED, model_optional: optional("MODEL") },
    },
    outputs: ["CONDITIONING", "CONDITIONING", "MODEL"],
  },
  ACN_AdvancedControlNetApplySingle_v2: {
    inputs: {
      ...{ conditioning: link("CONDITIONING"), control_net: link("CONTROL_NET"), image: link("IMAGE") },
      ...{ ...PERCENT, ...ADVANCED },
    },
    outputs: ["CONDITIONING", "MODEL"],
  },
  // latents
  TimestepKeyframe: {
    inputs: {
      ...{ start_percent: float(0), prev_timestep_kf: optional("TIMESTEP_KEYFRAME"), strength: float(1) },
      ...KEYFRAME,
      ...{ inherit_missing: flag(true), guarantee_steps: int(1), mask_optional: optional("MASK") },
    },
    outputs: ["TIMESTEP_KEYFRAME"],
  },
  ACN_TimestepKeyframeInterpolation: {
    inputs: {
      ...{ start_percent: float(0), end_percent: float(1), strength_start: float(1), strength_end: float(1) },
      ...{ interpolation: choice("linear"), intervals: int(50), prev_timestep_kf: optional("TIMESTEP_KEYFRAME") },
      ...KEYFRAME,
      ...{ inherit_missing: flag(true), mask_optional: optional("MASK"), print_keyframes: flag(false) },
    },
    outputs: ["TIMESTEP_KEYFRAME"],
  },
  LatentKeyframe: {
    inputs: { batch_index: int(0), strength: float(1), prev_latent_kf: optional("LATENT_KEYFRAME") },
    outputs: ["LATENT_KEYFRAME"],
  },
  LatentKeyframeGroup: {
    inputs: {
      ...{ index_strengths: text, prev_latent_kf: optional("LATENT_KEYFRAME"), latent_optional: optional("LATENT") },
      print_keyframes: flag(false),
    },
    outputs: ["LATENT_KEYFRAME"],
  },
  LatentKeyframeTiming: {
    inputs: {
      ...{ batch_index_from: int(0), batch_index_to_excl: int(0), strength_from: float(1), strength_to: float(1) },
      ...{ interpolation: choice("linear"), prev_latent_kf: optional("LATENT_KEYFRAME"), print_keyframes: flag(false) },
    },
    outputs: ["LATENT_KEYFRAME"],
  },
  ACN_DefaultUniversalWeights: {
    inputs: { cn_extras: optional("CN_WEIGHTS_EXTRAS") },
    outputs: ["CONTROL_NET_WEIGHTS", "TIMESTEP_KEYFRAME"],
  },
  ACN_ScaledSoftControlNetWeights: {
    inputs: {
      ...{ base_multiplier: float(0.825), uncond_multiplier: float(1), cn_extras: optional("CN_WEIGHTS_EXTRAS") },
    },
    outputs: ["CONTROL_NET_WEIGHTS", "TIMESTEP_KEYFRAME"],
  },
  EmptyLatentImage: { inputs: { width: int(512), height: int(512), batch_size: int(1) }, outputs: ["LATENT"] },
  VAEEncode: { inputs: { pixels: link("IMAGE"), vae: link("VAE") }, outputs: ["LATENT"] },
  VAEEncodeTiled: {
    inputs: {
      ...{ pixels: link("IMAGE"), vae: link("VAE"), tile_size: int(512), overlap: int(64) },
      ...{ temporal_size: int(64), temporal_overlap: int(8) },
    },
    outputs: ["LATENT"],
  },
  VAEEncodeForInpaint: {
    inputs: { pixels: link("IMAGE"), vae: link("VAE"), mask: link("MASK"), grow_mask_by: int(6) },
    outputs: ["LATENT"],
  },
  InpaintModelConditioning: {
    inputs: {
      ...{ positive: link("CONDITIONING"), negative: link("CONDITIONING"), vae: link("VAE") },
      ...{ pixels: link("IMAGE"), mask: link("MASK"), noise_mask: flag(true) },
    },
    outputs: ["CONDITIONING", "CONDITIONING", "LATENT"],
  },
  SetLatentNoiseMask: { inputs: { samples: link("LATENT"), mask: link("MASK") }, outputs: ["LATENT"] },
  VAEDecode: { inputs: { samples: link("LATENT"), vae: link("VAE") }, outputs: ["IMAGE"] },
  VAEDecodeTiled: {
    inputs: {
      ...{ samples: link("LATENT"), vae: link("VAE"), tile_size: int(512), overlap: int(64) },
      ...{ temporal_size: int(64), temporal_overlap: int(8) },
    },
    outputs: ["IMAGE"],
  },
  LatentUpscale: {
    inputs: { ...LATENT_SCALE, width: int(512), height: int(512), crop: choice("disabled") },
    outputs: ["LATENT"],
  },
  LatentUpscaleBy: { inputs: { ...LATENT_SCALE, scale_by: float(1.5) }, outputs: ["LATENT"] },
  LatentFromBatch: {
    inputs: { samples: link("LATENT"), batch_index: int(0), length: int(1) },
    outputs: ["LATENT"],
  },
  RepeatLatentBatch: { inputs: { samples: link("LATENT"), amount: int(1) }, outputs: ["LATENT"] },
  // samplers
  KSampler: {
    inputs: {
      ...{ model: link("MODEL"), seed, steps: int(20), cfg: float(8) },
      ...{ sampler_name: choice("euler"), scheduler: choice("normal"), positive: link("CONDITIONING") },
      ...{ negative: link("CONDITIONING"), latent_image: link("LATENT"), denoise: float(1) },
    },
    outputs: ["LATENT"],
  },
  KSamplerAdvanced: {
    inputs: {
      ...{ model: link("MODEL"), add_noise: choice("enable"), noise_seed: seed, steps: int(20), cfg: float(8) },
      ...{ sampler_name: choice("euler"), scheduler: choice("normal"), positive: link("CONDITIONING") },
      ...{ negative: link("CONDITIONING"), latent_image: link("LATENT"), start_at_step: int(0) },
      ...{ end_at_step: int(10_000), return_with_leftover_noise: choice("disable") },
    },
    outputs: ["LATENT"],
  },
  SamplerCustom: {
    inputs: {
      ...{ model: link("MODEL"), add_noise: flag(true), noise_seed: seed, cfg: float(8) },
      ...{ positive: link("CONDITIONING"), negative: link("CONDITIONING"), sampler: link("SAMPLER") },
      ...{ sigmas: link("SIGMAS"), latent_image: link("LATENT") },
    },
    outputs: ["LATENT", "LATENT"],
  },
  SamplerCustomAdvanced: {
    inputs: {
      ...{ noise: link("NOISE"), guider: link("GUIDER"), sampler: link("SAMPLER"), sigmas: link("SIGMAS") },
      latent_image: link("LATENT"),
    },
    outputs: ["LATENT", "LATENT"],
  },
  RandomNoise: { inputs: { noise_seed: seed }, outputs: ["NOISE"] },
  DisableNoise: { inputs: {}, outputs: ["NOISE"] },
  CFGGuider: {
    inputs: {
      ...{ model: link("MODEL"), positive: link("CONDITIONING"), negative: link("CONDITIONING") },
      cfg: float(8),
    },
    outputs: ["GUIDER"],
  },
  BasicGuider: { inputs: { model: link("MODEL"), conditioning: link("CONDITIONING") }, outputs: ["GUIDER"] },
  KSamplerSelect: { inputs: { sampler_name: choice("euler") }, outputs: ["SAMPLER"] },
  SamplerEulerAncestral: { inputs: ETA, outputs: ["SAMPLER"] },
  SamplerLMS: { inputs: { order: int(4) }, outputs: ["SAMPLER"] },
  SamplerDPMPP_2S_Ancestral: { inputs: ETA, outputs: ["SAMPLER"] },
  SamplerDPMPP_SDE: { inputs: { ...ETA, r: float(0.5), ...NOISE_DEVICE }, outputs: ["SAMPLER"] },
  SamplerDPMPP_2M_SDE: {
    inputs: { solver_type: choice("midpoint"), ...ETA, ...NOISE_DEVICE },
    outputs: ["SAMPLER"],
  },
  SamplerDPMPP_3M_SDE: { inputs: { ...ETA, ...NOISE_DEVICE }, outputs: ["SAMPLER"] },
  SamplerDPMAdaptative: {
    inputs: {
      ...{ order: int(3), rtol: float(0.05), atol: float(0.0078), h_init: float(0.05), pcoeff: float(0) },
      ...{ icoeff: float(1), dcoeff: float(0), accept_safety: float(0.81), eta: float(0), s_noise: float(1) },
    },
    outputs: ["SAMPLER"],
  },
  BasicScheduler: {
    inputs: { model: link("MODEL"), scheduler: choice("normal"), steps: int(20), denoise: float(1) },
    outputs: ["SIGMAS"],
  },
  KarrasScheduler: { inputs: { ...SIGMA_RANGE, rho: float(7) }, outputs: ["SIGMAS"] },
  ExponentialScheduler: { inputs: SIGMA_RANGE, outputs: ["SIGMAS"] },
  PolyexponentialScheduler: { inputs: { ...SIGMA_RANGE, rho: float(1) }, outputs: ["SIGMAS"] },
  VPScheduler: {
    inputs: { steps: int(20), beta_d: float(19.9), beta_min: float(0.1), eps_s: float(0.001) },
    outputs: ["SIGMAS"],
  },
  BetaSamplingScheduler: {
    inputs: { model: link("MODEL"), steps: int(20), alpha: float(0.6), beta: float(0.6) },
    outputs: ["SIGMAS"],
  },
  SDTurboScheduler: { inputs: { model: link("MODEL"), steps: int(1), denoise: float(1) }, outputs: ["SIGMAS"] },
  AlignYourStepsScheduler: {
    inputs: { model_type: choice("SD1"), steps: int(10), denoise: float(1) },
    outputs: ["SIGMAS"],
  },
  SplitSigmas: { inputs: { sigmas: link("SIGMAS"), step: int(0) }, outputs: ["SIGMAS", "SIGMAS"] },
  SplitSigmasDenoise: { inputs: { sigmas: link("SIGMAS"), denoise: float(1) }, outputs: ["SIGMAS", "SIGMAS"] },
  // pictures
  LoadImage: { inputs: { image: name }, outputs: ["IMAGE", "MASK"] },
  LoadImageMask: { inputs: { image: name, channel: choice("alpha") }, outputs: ["MASK"] },
  ImageScale: {
    inputs: { ...SCALE, width: int(512), height: int(512), crop: choice("disabled") },
    outputs: ["IMAGE"],
  },
  ImageScaleBy: { inputs: { ...SCALE, scale_by: float(1) }, outputs: ["IMAGE"] },
  ImageScaleToTotalPixels: { inputs: { ...SCALE, megapixels: float(1) }, outputs: ["IMAGE"] },
  ImageInvert: { inputs: { image: link("IMAGE") }, outputs: ["IMAGE"] },
  Canny: {
    inputs: { image: link("IMAGE"), low_threshold: float(0.4), high_threshold: float(0.8) },
    outputs: ["IMAGE"],
  },
  CannyEdgePreprocessor: {
    inputs: { image: link("IMAGE"), low_threshold: int(100), high_threshold: int(200), resolution: int(512) },
    outputs: ["IMAGE"],
  },
  SaveImage: { inputs: { images: link("IMAGE"), filename_prefix: text }, outputs: [] },
  PreviewImage: { inputs: { images: link("IMAGE") }, outputs: [] },
  // values
  PrimitiveInt: { inputs: { value: seed }, outputs: ["INT"] },
  PrimitiveFloat: { inputs: { value: float(0) }, outputs: ["FLOAT"] },
  PrimitiveString: { inputs: { value: text }, outputs: ["STRING"] },
  PrimitiveStringMultiline: { inputs: { value: text }, outputs: ["STRING"] },
  PrimitiveBoolean: { inputs: { value: flag(false) }, outputs: ["BOOLEAN"] },
} as const satisfies Readonly<Record<string, NodeType>>

/** The name of a class that can be followed. */
export type NodeTypeName = keyof typeof NODE_TYPES

/** A class by its name. Null: it cannot be followed. */
export function nodeType(name: string): NodeType | null {
  return Object.hasOwn(NODE_TYPES, name) ? NODE_TYPES[name as NodeTypeName] : null
}

/** The values of the field that says how a seed changes after a run. */
export const CONTROL_VALUES: readonly string[] = ["fixed", "increment", "decrement", "randomize", "increment-wrap"]
