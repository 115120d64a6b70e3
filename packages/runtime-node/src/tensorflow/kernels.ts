import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { InputError } from "../errors.ts"
import { requireFrom } from "../own-files.ts"
import type { TensorflowInstallation } from "./installation.ts"

/** The file beside the binding that has our own ops of TensorFlow. `lllite setup tensorflow` builds it. */
export const KERNELS_FILE = "lllite_kernels.node"

/** Chooses the instructions of our own ops, or turns the ops off. Default: the best that the CPU has. */
export const KERNELS_VARIABLE = "LLLITE_KERNELS"

/** Values of {@link KERNELS_VARIABLE}, with the names that the addon has for them. Null: no kernels. */
const CHOICES = new Map([
  ["avx512", "AVX-512"],
  ["avx2", "AVX2"],
  ["none", null],
])

/** What our own ops run on. */
export interface Kernels {
  /** For example `AVX-512`. */
  readonly instructions: string
  /** Whether the CPU multiplies bfloat16 by AMX, which TensorFlow's own products use. */
  readonly hasAmx: boolean
}

/** The addon of `kernels/ops.cc`. It registers our own ops with TensorFlow when it is loaded. */
export interface KernelsAddon {
  /** Instructions that the CPU has, the best first. */
  readonly available: readonly string[]
  readonly hasAmx: boolean
  /** Chooses instructions for all threads of the process. */
  use(instructions: string): void
}

const require = requireFrom(import.meta.url)

/**
 * Registers our own ops with TensorFlow, whose binding is loaded.
 *
 * @returns the kernels, or why there are none, in a sentence
 * @throws InputError for a wrong value of {@link KERNELS_VARIABLE}
 */
export function loadKernels(
  { binding }: Pick<TensorflowInstallation, "binding">,
  environment: NodeJS.ProcessEnv = process.env,
): Kernels | string {
  const choice = environment[KERNELS_VARIABLE] ?? ""
  const chosen = CHOICES.get(choice)
  if (choice !== "" && chosen === undefined) {
    const known = [...CHOICES.keys()].join(", ")
    throw new InputError(
      "environment",
      `backend "tensorflow": the environment variable ${KERNELS_VARIABLE} is "${choice}", expected one of ${known}.`,
    )
  }
  if (chosen === null) return `the environment variable ${KERNELS_VARIABLE} is "${choice}".`
  const addon = kernelsBeside(binding)
  if (typeof addon === "string") return addon
  const { available, hasAmx } = addon
  const [instructions] = chosen === undefined ? available : available.filter((name) => name === chosen)
  if (instructions === undefined) return `this CPU lacks ${chosen ?? "AVX2"}.`
  addon.use(instructions)
  return { instructions, hasAmx }
}

/** The addon beside a binding that is loaded, or why there is none, in a sentence. */
export function kernelsBeside(binding: string): KernelsAddon | string {
  if (process.arch !== "x64") return `LLLite's are written for x64, and this CPU is ${process.arch}.`
  if (process.platform === "win32") return "LLLite's are built on Linux and macOS alone."
  const path = join(dirname(binding), KERNELS_FILE)
  if (!existsSync(path)) return "LLLite's are not built. Type: lllite setup tensorflow"
  try {
    const addon = require(path) as Partial<KernelsAddon>
    if (addon.available !== undefined) return addon as KernelsAddon
    return "LLLite's are of another version. Type: lllite setup tensorflow"
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
    return `LLLite's cannot be loaded: ${reason}. Type: lllite setup tensorflow`
  }
}
