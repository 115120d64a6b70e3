import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { InputError } from "../../errors.ts"
import { lastLines, runCommand } from "../../processes/run-command.ts"

/** Releases whose wheels carry the C library that the binding is linked with, and CUDA 12 kernels with `gpu`. */
const RANGE = ">=2.15,<3"

export interface WheelRequest {
  readonly python: string
  /** Kernels for CUDA too, and NVIDIA's libraries. */
  readonly gpu: boolean
  /** A folder of wheels to take instead of the index. */
  readonly wheelDir: string | undefined
  /** Folder that is laid out like Python's site-packages. */
  readonly target: string
  readonly signal: AbortSignal | undefined
}

/** TensorFlow's libraries, out of its wheel. */
export interface TensorflowLibraries {
  readonly version: string
  /** Folder of the headers. */
  readonly include: string
  /** The shared libraries, full paths. */
  readonly libraries: readonly string[]
}

/**
 * Lets pip unpack TensorFlow's wheel into a folder: it picks the one that suits the machine, checks it, and keeps it
 * in its cache. Nothing that the wheel asks for is installed, since its Python part is not used; with `gpu` NVIDIA's
 * libraries are.
 *
 * @throws InputError with what pip said
 */
export async function fetchWheel(request: WheelRequest): Promise<TensorflowLibraries> {
  // Builds for macOS have no "-cpu" of their own.
  const name = request.gpu || process.platform === "darwin" ? "tensorflow" : "tensorflow-cpu"
  await pipInstall(request, [`${name}${RANGE}`])
  const info = distInfo(request.target, name)
  if (request.gpu) {
    const needed = cudaRequirements(readFileSync(join(request.target, info.folder, "METADATA"), "utf8"))
    if (needed.length === 0) {
      throw new InputError(
        `setup tensorflow: the wheel of ${name} ${info.version} names no CUDA libraries for this system. It has them on Linux with an NVIDIA card.`,
        { code: "setup-gpu" },
      )
    }
    await pipInstall(request, needed)
  }
  const folder = join(request.target, "tensorflow")
  const libraries = readdirSync(folder).filter((file) => /^libtensorflow_(cc|framework)\.(so\.2|2\.dylib)$/.test(file))
  if (libraries.length !== 2) {
    throw new InputError(
      `setup tensorflow: the wheel of ${name} ${info.version} holds ${libraries.length === 0 ? "no" : "only a part of the"} C library on ${process.platform}. Linux and macOS wheels have it; on other systems install @tensorflow/tfjs-node.`,
    )
  }
  return {
    version: info.version,
    include: join(folder, "include"),
    libraries: libraries.map((file) => join(folder, file)),
  }
}

async function pipInstall(
  { python, wheelDir, target, signal }: WheelRequest,
  requirements: readonly string[],
): Promise<void> {
  const source = wheelDir === undefined ? [] : ["--no-index", "--find-links", wheelDir]
  const quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
  const install = ["-m", "pip", "install", ...quiet, "--no-deps", "--no-compile", "--only-binary", ":all:"]
  const result = await runCommand(python, [...install, "--target", target, ...source, ...requirements], { signal })
  if (result.code === 0) return
  const from = wheelDir === undefined ? "pip could not get" : `"${wheelDir}" holds no wheel that suits this Python of`
  const advice =
    wheelDir === undefined
      ? "Check the network, or use another Python (TensorFlow has wheels for the newer ones only), or a folder of wheels."
      : "Fetch it with this Python: python -m pip download --no-deps tensorflow-cpu"
  throw new InputError(
    `setup tensorflow: ${from} ${requirements.join(" ")}. ${advice}\npip said:\n${lastLines(result)}`,
    { code: "setup-wheel" },
  )
}

function distInfo(target: string, name: string): { readonly folder: string; readonly version: string } {
  const pattern = new RegExp(`^${name.replace("-", "_")}-(.+)\\.dist-info$`)
  for (const folder of readdirSync(target)) {
    const version = pattern.exec(folder)?.[1]
    if (version !== undefined) return { folder, version }
  }
  throw new InputError(`setup tensorflow: pip left no "${name}" in "${target}". Try again.`)
}

/** NVIDIA's packages that a wheel's metadata names for its extra `and-cuda`, as pip takes them. */
export function cudaRequirements(metadata: string): string[] {
  return metadata.split("\n").flatMap((line) => {
    const [, requirement, marker = ""] = /^Requires-Dist:\s*(nvidia-[^;]+?)\s*;(.*)$/.exec(line.trim()) ?? []
    if (requirement === undefined || !/extra\s*==\s*["']and-cuda["']/.test(marker)) return []
    // Older metadata writes "name (<2,>=1)".
    return [requirement.replace(/[\s()]/g, "")]
  })
}
