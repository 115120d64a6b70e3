// Files without TensorFlow.js: what a program needs that only looks into files, or edits them. Starts in milliseconds.
export { fileError, InputError } from "../errors.ts"
export { type Contents, type WriteOptions, writeAtomically } from "./atomic-write.ts"
export { type OpenLocation, openLocation } from "./open-location.ts"
export { openPath, type PathSource, withPath } from "./path-source.ts"
