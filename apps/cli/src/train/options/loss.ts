import {
  HUBER_RANGES,
  HUBER_SCHEDULES,
  LOSS_TYPES,
  LOSS_WEIGHT_RANGES,
  NOISE_RANGES,
  OBJECTIVE_RANGES,
  STRENGTH_RANGES,
} from "@lllite/core/names"
import type { OptionTable } from "@lllite/runtime-node/options"
import { choice, flag, integer, number } from "@lllite/runtime-node/options"

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
  strength_top: number({
    ...STRENGTH_RANGES.top,
    otherwise: "1",
    help: "Share of the control's effect that strength 1 learns, for min_strength.",
  }),
  strength_power: number({
    ...STRENGTH_RANGES.power,
    otherwise: "1",
    help: "Exponent of the rise between the two shares, for min_strength. 1 is a straight line.",
  }),
  strength_skew: number({
    ...STRENGTH_RANGES.skew,
    otherwise: "1",
    help: "Exponent of the draw, for min_strength. Below 1, high strengths are drawn more often than low ones.",
  }),
  strength_gap: number({
    ...STRENGTH_RANGES.gap,
    otherwise: "0",
    help: "Share in the middle of the strengths that is never drawn, for min_strength. Low and high ones are then drawn more often.",
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
  noise_offset: number({
    ...NOISE_RANGES.offset,
    nothing: [0],
    help: "Size of one more random number for each channel, which moves the mean of the noise. 0.05 is usual.",
  }),
  noise_offset_random_strength: flag({ help: "Draw the size at each step, from 0 to noise_offset." }),
  adaptive_noise_scale: number({
    ...NOISE_RANGES.adaptiveOffset,
    nothing: [0],
    help: "Added to noise_offset, times the size of the channel's mean in the latents.",
  }),
  multires_noise_iterations: integer({
    ...NOISE_RANGES.iterations,
    nothing: [0],
    help: "Add noise of coarser grids, up to this many. 6 is usual.",
  }),
  multires_noise_discount: number({
    default: 0.3,
    ...NOISE_RANGES.discount,
    help: "Factor from one grid of multires_noise_iterations to the next.",
  }),
  ip_noise_gamma: number({
    ...NOISE_RANGES.inputPerturbation,
    nothing: [0],
    help: "Size of more noise in the network's input, which is not in the target. 0.1 is usual.",
  }),
  ip_noise_gamma_random_strength: flag({ help: "Draw the size at each step, from 0 to ip_noise_gamma." }),
  zero_terminal_snr: flag({
    help: "Train on a noise schedule whose last timestep is noise alone. It suits networks that predict v.",
  }),
} satisfies OptionTable
