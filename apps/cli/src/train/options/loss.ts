import {
  HUBER_RANGES,
  HUBER_SCHEDULES,
  LOSS_TYPES,
  LOSS_WEIGHT_RANGES,
  OBJECTIVE_RANGES,
  STRENGTH_RANGES,
} from "@lllite/core/names"
import type { OptionTable } from "@lllite/runtime-node/options"
import { belongsTo, choice, flag, ignored, integer, number, refused } from "@lllite/runtime-node/options"

const PLAIN_NOISE = "the noise is always plain Gaussian noise"

/** Timesteps, and the loss. */
export const LOSS = {
  loss_type: choice(LOSS_TYPES, { default: "l2", help: "Measure of the prediction's error." }),
  huber_schedule: choice(HUBER_SCHEDULES, {
    default: "snr",
    help: "How the parameter of huber and smooth_l1 depends on the noise.",
  }),
  huber_c: number({ ...HUBER_RANGES.delta, otherwise: "0.1", help: "Last value of the Huber schedule." }),
  huber_scale: number({
    ...HUBER_RANGES.scale,
    otherwise: "1",
    help: "Factor for the Huber schedules constant and exponential.",
  }),
  min_timestep: integer({ default: 0, ...OBJECTIVE_RANGES.minTimestep, help: "Lowest timestep that training draws." }),
  max_timestep: integer({
    default: 1000,
    ...OBJECTIVE_RANGES.maxTimestep,
    help: "Upper limit of the timesteps. Training draws only timesteps below it.",
  }),
  min_strength: number({
    default: 1,
    ...STRENGTH_RANGES.min,
    help: "Lowest strength that training draws. Below 1, the LLLite learns to follow its control by degrees. Each step then takes longer.",
  }),
  strength_floor: number({
    ...STRENGTH_RANGES.floor,
    otherwise: "0",
    help: "Share of the control's effect that the lowest strengths learn, for min_strength.",
  }),
  strength_power: number({
    ...STRENGTH_RANGES.power,
    otherwise: "1",
    help: "Exponent with which that share rises to 1, for min_strength. 1 is a straight line.",
  }),
  min_snr_gamma: number({
    ...LOSS_WEIGHT_RANGES.minSnrGamma,
    nothing: [0],
    help: "Min-SNR weighting of the loss. 5 is usual.",
  }),
  debiased_estimation_loss: flag({ help: "Weight the loss by debiased estimation." }),
  scale_v_pred_loss_like_noise_pred: flag({
    help: "Weight the loss of a v prediction like that of a noise prediction.",
  }),
  v_pred_like_loss: number({
    ...LOSS_WEIGHT_RANGES.vPredictionLike,
    nothing: [0],
    help: "Share of an added loss, which is weighted like that of a v prediction.",
  }),
  noise_offset: refused(PLAIN_NOISE),
  noise_offset_random_strength: ignored(belongsTo("noise_offset")),
  adaptive_noise_scale: ignored(belongsTo("noise_offset")),
  multires_noise_iterations: refused(PLAIN_NOISE),
  multires_noise_discount: ignored(belongsTo("multires_noise_iterations"), { nothing: [0.3] }),
  ip_noise_gamma: refused(PLAIN_NOISE),
  ip_noise_gamma_random_strength: ignored(belongsTo("ip_noise_gamma")),
  zero_terminal_snr: refused("the noise schedule follows what the checkpoint says of itself"),
} satisfies OptionTable
