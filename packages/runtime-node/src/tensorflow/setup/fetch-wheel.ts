import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { InputError } from "../../errors.ts"
import { lastLines, runCommand } from "../../processes/run-command.ts"
import { NETWORK_SILENCE } from "./limits.ts"

/** Releases whose wheels hold the C library for the binding. With `gpu` they hold kernels for CUDA 12, too. */
const RANGE = ">=2.15,<3"

export interface WheelRequest {
  readonly python: string
  /** Whether to get kernels for CUDA and NVIDIA's libraries, too. */
  readonly gpu: boolean
  /** A folder of wheels that replaces the package index. */
  readonly wheelDir: string | undefined
  /** Folder that gets the layout of Python's site-packages. */
  readonly target: string
  readonly signal: AbortSignal | undefined
}

/** TensorFlow's libraries from its wheel. */
export interface TensorflowLibraries {
  readonly version: string
  /** Folder of the headers. */
  readonly include: string
  /** Full paths of the shared libraries. */
  readonly libraries: readonly string[]
}

/**
 * Unpacks TensorFlow's wheel into a folder with pip. Pip chooses the wheel for the machine, checks it, and keeps it in
 * its cache. Packages that the wheel requires are not installed, since its Python part is not used. With `gpu`,
 * NVIDIA's libraries are installed.
 *
 * @throws InputError with pip's output
 */
export async function fetchWheel(request: WheelRequest): Promise<TensorflowLibraries> {
  // For macOS there is no package "tensorflow-cpu".
  const name = request.gpu || process.platform === "darwin" ? "tensorflow" : "tensorflow-cpu"
  await pipInstall(request, [`${name}${RANGE}`])
  const info = distInfo(request.target, name)
  if (request.gpu) {
    const needed = cudaRequirements(readFileSync(join(request.target, info.folder, "METADATA"), "utf8"))
    if (needed.length === 0) {
      throw new InputError(
        "setup-gpu",
        `setup tensorflow: the wheel of ${name} ${info.version} names no CUDA libraries for this system. A GPU needs Linux and an NVIDIA card. Set TensorFlow up for the CPU.`,
      )
    }
    await pipInstall(request, needed)
  }
  const folder = join(request.target, "tensorflow")
  const libraries = readdirSync(folder).filter((file) => /^libtensorflow_(cc|framework)\.(so\.2|2\.dylib)$/.test(file))
  if (libraries.length !== 2) {
    throw new InputError(
      "setup-platform",
      `setup tensorflow: the wheel of ${name} ${info.version} holds ${libraries.length === 0 ? "no" : "only a part of the"} C library on ${process.platform}. Wheels for Linux and macOS have it. On other systems, install @tensorflow/tfjs-node.`,
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
  const limits = ["--timeout", String(NETWORK_SILENCE / 1000), "--retries", "2"]
  const quiet = ["--quiet", "--no-input", "--disable-pip-version-check", ...limits]
  const install = ["-m", "pip", "install", ...quiet, "--no-deps", "--no-compile", "--only-binary", ":all:"]
  const result = await runCommand(python, [...install, "--target", target, ...source, ...requirements], { signal })
  if (result.code === 0) return
  const problem = wheelDir === undefined ? "pip could not get" : `"${wheelDir}" holds no wheel for this Python of`
  const advice =
    wheelDir === undefined
      ? "Check the network, or use another Python, since TensorFlow has wheels only for newer ones, or a folder of wheels."
      : "Download it with this Python: python -m pip download --no-deps tensorflow-cpu"
  throw new InputError(
    "setup-wheel",
    `setup tensorflow: ${problem} ${requirements.join(" ")}. ${advice}\nOutput of pip:\n${lastLines(result)}`,
  )
}

function distInfo(target: string, name: string): { readonly folder: string; readonly version: string } {
  const pattern = new RegExp(`^${name.replace("-", "_")}-(.+)\\.dist-info$`)
  for (const folder of readdirSync(target)) {
    const version = pattern.exec(folder)?.[1]
    if (version !== undefined) return { folder, version }
  }
  throw new InputError("setup-incomplete", `setup tensorflow: pip left no "${name}" in "${target}". Try again.`)
}

/** NVIDIA's packages that a wheel's metadata names for its extra `and-cuda`, in pip's notation. */
export function cudaRequirements(metadata: string): string[] {
  return metadata.split("\n").flatMap((line) => {
    const [, requirement, marker = ""] = /^Requires-Dist:\s*(nvidia-[^;]+?)\s*;(.*)$/.exec(line.trim()) ?? []
    if (requirement === undefined || !/extra\s*==\s*["']and-cuda["']/.test(marker)) return []
    // Older metadata writes "name (<2,>=1)".
    return [requirement.replace(/[\s()]/g, "")]
  })
}
