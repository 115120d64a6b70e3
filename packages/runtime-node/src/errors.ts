import { valueText } from "@lllite/core/names"
import { LlliteError } from "@lllite/format"
import type { Problem } from "./options/problems.ts"
import { systemReason } from "./system-error.ts"

/** Why input was refused. Stable: switch on it rather than on the message. `docs/errors.md` lists what to do. */
export type InputErrorCode =
  // files and folders
  /** A path is not text. */
  | "path"
  /** The system refused to read or write a file. */
  | "file"
  /** The path is not that of a file. */
  | "not-a-file"
  /** The path is not that of a folder. */
  | "not-a-folder"
  /** The file is longer than any of its kind. */
  | "file-size"
  /** The file to be written exists already. */
  | "output-exists"
  /** The disk has less room than the work needs. */
  | "no-space"
  /** The text of a file has another encoding than UTF-8. */
  | "text-encoding"
  /** The text does not name a repository. */
  | "repository-name"
  /** An address is not valid. */
  | "address"
  /** The bytes of a download are not those that the server stated. */
  | "download"
  /** A file is not in the cache, and may not be downloaded. */
  | "offline"
  /** A folder of a model lacks one of its files. */
  | "model-part"
  // pictures
  /** The file is not a picture that can be read. */
  | "not-a-picture"
  /** The file of a picture is damaged. */
  | "picture-broken"
  /** A picture has too many pixels. */
  | "picture-size"
  /** A picture does not have three channels. */
  | "picture-channels"
  /** The package "sharp" cannot be loaded. */
  | "sharp-missing"
  /** The pictures, or the values of a heat map, do not form a table. */
  | "contact-sheet"
  /** A sheet of pictures over the values of options cannot be drawn. */
  | "grid"
  /** A picture's settings lack a control picture. */
  | "control-hole"
  | "control-missing"
  /** A ControlNet Union needs another control type, or any. */
  | "control-type"
  // prompts
  /** A file of prompts or of a wildcard cannot be used. */
  | "prompt-file"
  /** A line of prompts asks for something that is not possible. */
  | "prompt-line"
  /** The name or the folder of a LoRA or textual inversion leads to no file. */
  | "network-file"
  /** The folder or file is not the state of a training. */
  | "state-file"
  // settings and data sets
  /** A file of settings is not valid TOML or JSON. */
  | "config-syntax"
  /** A file of another kind stands in the place of a file of settings. */
  | "config-kind"
  /** An option of the data set is wrong. */
  | "dataset-options"
  /** Files of the data set are missing or cannot be used. */
  | "dataset-files"
  /** An archive of pairs is broken, compressed or missing. */
  | "shard"
  /** The data set has no example of that number. */
  | "dataset-index"
  /** A file of numpy's arrays cannot be read. */
  | "array-file"
  // backends
  /** The backend does not take this option. */
  | "backend-option"
  /** The backend "tensorflow" is not in use. */
  | "backend-not-started"
  /** The backend did not start. */
  | "backend-start"
  /** TensorFlow is not installed. */
  | "tensorflow-missing"
  /** The addon of TensorFlow cannot be loaded. */
  | "tensorflow-addon"
  /** An environment variable has a value that is not allowed. */
  | "environment"
  /** The package "webgpu" cannot be loaded. */
  | "webgpu-missing"
  /** A tensor has another shape than the operation expects. */
  | "shape"
  /** A weight has another shape than the layer expects. */
  | "weight-shape"
  /** There is not one index for each position. */
  | "row-count"
  /** An index lies outside of what is looked up. */
  | "index-range"
  /** A weight has a value that float16 cannot hold. */
  | "value-range"
  // the program
  /** This Node is too old. */
  | "node-version"
  /** A bundler has moved the code away from the file of its worker. */
  | "bundled"
  // setting up TensorFlow
  /** Python or pip is missing. */
  | "setup-python"
  /** A C++ compiler is missing. */
  | "setup-compiler"
  /** TensorFlow has no library for this system. */
  | "setup-platform"
  /** A wheel cannot be obtained. */
  | "setup-wheel"
  /** A package of npm cannot be obtained. */
  | "setup-package"
  /** A package is not the published one. */
  | "setup-checksum"
  /** A package cannot be unpacked. */
  | "setup-unpack"
  /** The binding cannot be compiled. */
  | "setup-build"
  /** A file is missing after a step of the setup. */
  | "setup-incomplete"
  /** TensorFlow was built and does not work. */
  | "setup-broken"
  /** The GPU cannot be used. */
  | "setup-gpu"
  /** The folder of the setup holds other files. */
  | "setup-folder"

/** Options of an {@link InputError}. */
export interface InputErrorOptions extends ErrorOptions {
  readonly problems?: readonly Problem[]
}

/** Input that cannot be used. The message names it, what was expected, what came, and what to do. */
export class InputError extends LlliteError<InputErrorCode> {
  static override readonly kind = "InputError"
  override readonly name = "InputError"
  /** The single problems, if the message lists several. */
  readonly problems?: readonly Problem[]

  constructor(code: InputErrorCode, message: string, options: InputErrorOptions = {}) {
    super(code, message, options)
    if (options.problems !== undefined) this.problems = options.problems
  }
}

/** A failed file operation as an {@link InputError}: `cannot read "a.png": there is no such file …`. */
export function fileError(verb: string, path: string, cause: unknown): InputError {
  if (typeof path !== "string") return pathError(verb, path)
  if (cause instanceof InputError) return cause
  const remote = remoteAdvice(verb, path, cause)
  if (remote !== null) return new InputError("file", `cannot ${verb} ${remote}`, { cause })
  const reason = systemReason(cause) ?? (cause instanceof Error ? cause.message : String(cause))
  return new InputError("file", `cannot ${verb} ${quotedPath(path)}: ${reason}${controlAdvice(path)}`, { cause })
}

/** Expects a path to be text, which a program without types may forget. @throws InputError `path` */
export function expectPath(verb: string, path: unknown): asserts path is string {
  if (typeof path !== "string") throw pathError(verb, path)
}

function pathError(verb: string, path: unknown): InputError {
  return new InputError("path", `cannot ${verb} a file: its path is ${valueText(path)}, expected text`)
}

/** A path that is not a path: an address, or a name on the Hugging Face Hub. With what to do. Null for other paths. */
function remoteAdvice(verb: string, path: string, cause: unknown): string | null {
  if (!(cause instanceof Error) || !("code" in cause) || (cause.code !== "ENOENT" && cause.code !== "ENOTDIR"))
    return null
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    return `${quotedPath(path)}: it is an address, and only files of this machine are read here. Download it, and give the path of the file.`
  }
  // A path of a picture or of a text has an ending. A name on the Hub has none, or ends in a version.
  const isName =
    /^(hf:)?[\w-][\w.-]*\/[\w.-]+(@[\w.-]+)?(:.+)?$/.test(path) && (path.includes(":") || !/\.[a-z]\w*$/i.test(path))
  if (verb !== "read" || !isName) return null
  return `${quotedPath(path)}: there is no such file or folder. If it is a name on the Hugging Face Hub, download it, and give the path of its file or folder.`
}

/** A path in quotes, with its control characters escaped. */
function quotedPath(path: string): string {
  const escaped = path.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))
  return `"${escaped}"`
}

/** Advice for a path such as "D:\train": in TOML and JSON, its double quotes make control characters of it. */
function controlAdvice(path: string): string {
  if (!/\p{Cc}/u.test(path)) return ""
  return " The path has control characters. In double quotes, a backslash and a letter make one. Write / or single quotes."
}
