import type { CoreErrorCode } from "@lllite/core"
import type { InputErrorCode } from "@lllite/runtime-node"

/** What the command can do about errors of the packages, which know nothing of its options. By the error's code. */
const ADVICE: Readonly<Record<CoreErrorCode | InputErrorCode, string>> = {
  "no-room":
    "--weights float16 rounds weights to 16 bits. --backend tensorflow has room for SDXL, and is built by: lllite setup tensorflow",
  "setup-python": "--python PATH names a Python.",
  "setup-wheel": "--python PATH names another Python, and --wheel_dir FOLDER a folder of wheels.",
  "setup-package": "--wheel_dir FOLDER names the folder of wheels.",
  "setup-gpu": "Without --gpu it is set up for the CPU.",
}

const BY_CODE: ReadonlyMap<unknown, string> = new Map(Object.entries(ADVICE))

/** The command's own advice about an error, or null. */
export function adviceFor(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null
  if (error.code === "wrong-kind") return partAdvice(error.message)
  return BY_CODE.get(error.code) ?? null
}

/** A part of a checkpoint was given where a whole one was expected. */
function partAdvice(message: string): string | null {
  const [, part] = /this file as its (U-Net|VAE)\./.exec(message) ?? []
  return part === undefined ? null : `The option is --${part === "VAE" ? "vae" : "unet"}.`
}
