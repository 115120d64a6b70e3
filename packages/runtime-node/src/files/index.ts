// Files without TensorFlow.js, for programs that only read or edit files. This entry loads in milliseconds.
export { fileError, InputError } from "../errors.ts"
export { systemReason } from "../system-error.ts"
export { type Contents, type WriteOptions, writeAtomically } from "./atomic-write.ts"
export {
  type CachedFile,
  downloadFolder,
  isRemote,
  type LocalPathOptions,
  listDownloads,
  localPath,
  purgeDownloads,
} from "./downloads/index.ts"
export { expectFolder, makeFolder, openFolder } from "./make-folder.ts"
export { type OpenLocation, openLocation } from "./open-location.ts"
export type { Existing } from "./output-target.ts"
export { fileMatching, filesMatching, isPattern } from "./path-pattern.ts"
export { openPath, type PathOptions, type PathSource, withPath } from "./path-source.ts"
export { decodeText, readTextFile } from "./read-text.ts"
export type { LocationOptions } from "./remote-location.ts"
export { type TryOptions, tryOutputs } from "./try-outputs.ts"
