/**
 * From prompts to pictures, and the error that every entry throws.
 *
 * @module
 */
export { CoreError, type CoreErrorCode } from "./errors.ts"
export * from "./generation/index.ts"
export * from "./prompt/index.ts"
