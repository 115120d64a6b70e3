/**
 * The checks against the reference implementation's numbers. For this repository's tests and benchmarks only.
 *
 * @module
 * @experimental
 */
export { type SdxlShapes, sdxlShapes } from "../src/models/sdxl-shapes.ts"
export { type BucketsReference, runBuckets } from "./buckets.ts"
export { type CannyReference, runCanny } from "./canny.ts"
export { type CaptionsReference, runCaptions } from "./captions.ts"
export type { CaseResult, ReferenceTensors } from "./case.ts"
export { type ControlNetReference, runControlNet } from "./controlnet.ts"
export { type DeepShrinkReference, runDeepShrink } from "./deepshrink.ts"
export { type DiffusionReference, runDiffusion } from "./diffusion.ts"
export { FULL_TOLERANCE, type FullReference, type FullTolerance, runFull } from "./full.ts"
export { HALF_TOLERANCE, type HalfTolerance, halfResults } from "./half.ts"
export { runTrainOptions, type TrainOptionsReference } from "./lllite-train-options.ts"
export { type LoraReference, runLora } from "./lora.ts"
export { type ModuleReference, runModule } from "./module.ts"
export { type NoiseReference, runNoise } from "./noise.ts"
export { type OptimizersReference, runOptimizers } from "./optimizers.ts"
export { type PipelineReference, runPipeline } from "./pipeline.ts"
export { type PreprocessReference, runPreprocess } from "./preprocess.ts"
export { type PromptReference, runPrompt } from "./prompt.ts"
export { type RngReference, runRng } from "./rng.ts"
export { runSamplerGroup, type SamplersReference } from "./sampler-group.ts"
export { runStart, type StartReference } from "./start.ts"
export { runTextVae, type TextVaeReference } from "./text-vae.ts"
export { runTokens, type TokensReference } from "./tokens.ts"
export { runUnet, type UnetReference } from "./unet.ts"
