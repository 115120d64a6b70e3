/**
 * The syntax of prompts. Nothing here loads TensorFlow.js.
 *
 * @module
 */
export { parseComfyUiWeights } from "./comfyui-weights.ts"
export { type PromptPart, partsOfPrompt, splitComposed } from "./composed.ts"
export { type ExpandedPrompt, type ExpandOptions, expandPrompt, isDynamic } from "./dynamic.ts"
export { type LoraTag, type TaggedPrompt, takeLoraTags } from "./lora-tags.ts"
export {
  EMBEDDING_NORMALIZATIONS,
  type EmbeddingNormalization,
  PROMPT_COMPATS,
  PROMPT_DEFAULTS,
  PROMPT_RANGES,
  PROMPT_SYNTAXES,
  type PromptOptions,
  type PromptSyntax,
} from "./options.ts"
export { isPromptLine, type PromptLine, type PromptLineOptions, parsePromptLine } from "./prompt-line.ts"
export { parseWeights, type WeightedText } from "./weights.ts"
