import { LlliteError } from "@lllite/format"

/** Why core refused something. Stable: switch on it rather than on the message. `docs/errors.md` lists what to do. */
export type CoreErrorCode =
  // arguments and options
  /** An argument or an option is of another kind than the function takes. */
  | "argument"
  /** A number lies outside of its range. */
  | "option-range"
  /** The name of an option or choice is not known. */
  | "option-unknown"
  /** Two options exclude each other, or one has no effect beside the other. */
  | "option-conflict"
  /** An option is missing that another one needs. */
  | "option-missing"
  /** The seed is not an unsigned 64-bit integer. */
  | "seed"
  /** The strength of an adapter is not a finite number, or its function lacks what it reads. */
  | "strength"
  // noise levels
  /** The schedule has no such timestep. */
  | "timestep"
  /** The schedule has too few timesteps for that many steps. */
  | "steps"
  /** The noise levels do not fall to their end, or one is negative. */
  | "sigmas"
  /** A sampler asked for noise that its options exclude. */
  | "noise-plan"
  // arrays and tensors
  /** A tensor has another shape than the operation expects. */
  | "shape"
  /** There is not one value for each row of the batch. */
  | "row-count"
  /** An index lies outside of what is looked up. */
  | "index-range"
  /** There is not one residual for each skip of the U-Net. */
  | "residuals"
  /** A stage of the U-Net reads a place that is not set. */
  | "walk-place"
  // pictures
  /** The sides of a picture do not fit. */
  | "picture-size"
  /** A picture is grey where RGB is expected, or RGB where grey is expected. */
  | "picture-channels"
  /** A value is not a picture, or its number of values does not match its sides. */
  | "picture-data"
  /** The keyword cannot stand in a PNG. */
  | "png-keyword"
  /** A computed picture holds NaN. */
  | "picture-not-finite"
  /** A control picture or a mask has another size than the picture. */
  | "control-size"
  /** A control's embedding would be resampled to another grid, which is not allowed. */
  | "control-grid"
  /** The number of pictures to start from, or of masks, does not match the number of pictures. */
  | "start-count"
  /** The number of control pictures or masks does not match the number of pictures. */
  | "control-count"
  /** A ControlNet Union needs another control type, or any. */
  | "control-type"
  /** The number of values does not match the sides of the control pictures. */
  | "control-data"
  /** An LLLite for inpainting has no hole, or another LLLite has one. */
  | "control-hole"
  /** An LLLite reads its control as latents, and there are none. */
  | "control-latents"
  /** A batch has no control patches for a depth of the adapter. */
  | "control-missing"
  // text
  /** A text encoder got no token, or more tokens than it has positions. */
  | "prompt-length"
  /** A textual inversion is not for this SDXL, or two have one name. */
  | "textual-inversion"
  /** A dynamic prompt cannot be expanded. */
  | "prompt-expansion"
  /** The merges of the tokenizer are damaged. */
  | "merges"
  // checkpoints and adapters
  /** The file does not hold this part of SDXL. */
  | "checkpoint-part"
  /** The checkpoint has no VAE, and none is given beside it. */
  | "checkpoint-no-vae"
  /** The checkpoint is of a kind that cannot be run, such as one for editing, or quantised. */
  | "checkpoint-unsupported"
  /** Tensors of the model are missing in the file. */
  | "checkpoint-incomplete"
  /** The parts belong to different models. */
  | "checkpoint-mixed"
  /** Weights that belong together have different dtypes. */
  | "checkpoint-dtype"
  /** A weight of the file has another shape than the layer expects. */
  | "weight-shape"
  /** Values of an LLLite or a LoRA are missing, are NaN, or their number is wrong. */
  | "adapter-values"
  /** A DoRA changes the weights of an SDXL, which are not given. */
  | "lora-base"
  /** What trains does not fit to the layout of the U-Net. */
  | "layout"
  // recipes
  /** A field of a recipe has a value that is not allowed. */
  | "recipe-value"
  /** A recipe has a field that does not exist. */
  | "recipe-unknown"
  /** The picture holds no settings. */
  | "recipe-missing"
  /** The text is not a recipe. */
  | "recipe-syntax"
  /** The recipe has a version that this release does not read. */
  | "recipe-version"
  // workflows of ComfyUI
  /** The file is not a workflow of ComfyUI. */
  | "workflow-syntax"
  /** A node or a setting of the workflow cannot be followed. */
  | "workflow-unsupported"
  // the runtime
  /** The work contains no picture. */
  | "request-empty"
  /** The model does not fit into the memory, or a tensor does not fit into one buffer of the device. */
  | "no-room"
  /** The runtime or the model was disposed. */
  | "disposed"
  /** The model or adapter is not loaded in this runtime. */
  | "not-loaded"
  /** A worker thread failed. */
  | "worker-failed"
  /** A worker thread has ended. */
  | "worker-ended"
  // training
  /** The data set has no example. */
  | "dataset-empty"
  /** A batch has no example. */
  | "batch-empty"
  /** The number of gradients differs from the number of values. */
  | "gradient-count"
  /** The saved state does not fit to the optimizer. */
  | "optimizer-state"
  /** The saved state of a run is damaged. */
  | "saved-run"
  /** The saved state belongs to a run with other options. */
  | "saved-run-mismatch"

/** Which number of a training run is not finite. Stable: switch on it. */
export type DivergedErrorCode =
  /** The loss or the norm of the gradients is not finite. */
  | "loss-not-finite"
  /** A weight is not finite. */
  | "weights-not-finite"
  /** A step could not be computed. */
  | "step-failed"

/**
 * A request that core refuses, or work that failed. The message names the thing, what was expected, what came, and what
 * to do next.
 */
export class CoreError<Code extends string = CoreErrorCode | DivergedErrorCode> extends LlliteError<Code> {
  static override readonly kind: string = "CoreError"
  override readonly name: string = "CoreError"
}
