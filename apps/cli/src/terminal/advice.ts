import type { CoreErrorCode } from "@lllite/core"
import type { InputErrorCode } from "@lllite/runtime-node"

/** The command's advice by error code. Errors of the packages do not name the command's options. */
const ADVICE: Readonly<Partial<Record<CoreErrorCode | InputErrorCode, string>>> = {
  "checkpoint-no-vae": "The option is --vae PATH.",
  "no-room":
    "--weights F16 rounds weights to 16 bits. --backend tensorflow can hold SDXL. To build it, type: lllite setup tensorflow",
  "output-exists": "To replace it, use --force.",
  "setup-python": "To choose a Python, use --python PATH.",
  "setup-wheel": "To choose another Python, use --python PATH. To use a folder of wheels, use --wheel_dir FOLDER.",
  "setup-package": "To choose the folder of wheels, use --wheel_dir FOLDER.",
  "setup-gpu": "To set it up for the CPU, leave out --gpu.",
}

const BY_CODE: ReadonlyMap<unknown, string> = new Map(Object.entries(ADVICE))

/** The command's advice about an error, or null. */
export function adviceFor(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null
  if (error.code === "wrong-kind") return partAdvice(error.message)
  return BY_CODE.get(error.code) ?? null
}

/** Advice if the file is a part of a checkpoint, not a complete one. */
function partAdvice(message: string): string | null {
  const [, part] = /this file as its (U-Net|VAE)\./.exec(message) ?? []
  return part === undefined ? null : `The option is --${part === "VAE" ? "vae" : "unet"}.`
}
