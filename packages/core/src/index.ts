/**
 * From prompts to pictures, and the error that every entry throws.
 *
 * @module
 */
export { CoreError } from "./errors.ts"
export {
  type AdapterUse,
  type GenerateEvent,
  type GenerateOptions,
  generate,
  type PictureRequest,
} from "./generate.ts"
