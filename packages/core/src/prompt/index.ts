/**
 * The syntax of prompts. Nothing here loads TensorFlow.js.
 *
 * @module
 */
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
export { parseWeights, type WeightedText } from "./weights.ts"
