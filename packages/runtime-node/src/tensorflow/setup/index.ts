import { existsSync } from "node:fs"
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { TFJS_VERSION } from "../../backends/names.ts"
import type { ProbeResult } from "../../backends/probe-backend.ts"
import { probeBackend } from "../../backends/probe-backend.ts"
import { fileError, InputError } from "../../errors.ts"
import { expectFolder, makeFolder } from "../../files/make-folder.ts"
import { removeOnExit } from "../../files/remove-on-exit.ts"
import { packageSources } from "../../own-files.ts"
import { setupInstallation } from "../installation.ts"
import { KERNELS_FILE } from "../kernels.ts"
import { setupFolder } from "../setup-folder.ts"
import type { AddonBuild } from "./addon-build.ts"
import { buildBinding } from "./build-binding.ts"
import { buildKernels } from "./build-kernels.ts"
import { fetchTfjsNode, nodeHeaders } from "./fetch-packages.ts"
import { fetchWheel } from "./fetch-wheel.ts"
import { setupPlace } from "./setup-place.ts"
import { findTools } from "./tools.ts"

export interface TensorflowSetupOptions {
  /** Whether to use the wheel with CUDA and NVIDIA's libraries. Default: false */
  readonly gpu?: boolean
  /** The Python whose pip is used. Default: `python3`, or else `python` */
  readonly python?: string
  /** A folder of wheels, and of npm archives, that replaces the network. */
  readonly wheelDir?: string
  /** The folder to put TensorFlow into. Default: `tensorflow` in the user's cache folder */
  readonly folder?: string
  /** Stops the setup. Running programs are ended, and nothing changes. */
  readonly signal?: AbortSignal
  /** Called before every step with its description. */
  readonly say?: (step: string) => void
}

/** The TensorFlow that was set up. */
export interface TensorflowSetup {
  readonly folder: string
  readonly tensorflow: string
  readonly device: "CPU" | "GPU"
  readonly bytes: number
  readonly seconds: number
}

/**
 * Makes a current TensorFlow work with tfjs-node, also where tfjs-node's own download fails. It takes TensorFlow's
 * wheel and builds tfjs-node's binding for the library inside. A computation and a gradient check the result. Only then
 * the result replaces an earlier one. If a step fails, nothing changes.
 *
 * @throws InputError with the tool that is missing or the step that failed; the signal's reason when aborted
 */
export async function setUpTensorflow(options: TensorflowSetupOptions = {}): Promise<TensorflowSetup> {
  const { gpu = false, python, wheelDir, folder = setupFolder(), signal, say = () => {} } = options
  const start = performance.now()
  if (process.platform !== "linux" && process.platform !== "darwin") {
    throw new InputError(
      "setup-platform",
      `setup tensorflow: TensorFlow's wheels for ${process.platform} have no C library for the binding. Type: npm install @tensorflow/tfjs-node@${TFJS_VERSION}`,
    )
  }
  if (gpu && process.platform !== "linux") {
    throw new InputError(
      "setup-gpu",
      "setup tensorflow: only wheels for Linux have CUDA. Set TensorFlow up for the CPU.",
    )
  }
  if (wheelDir !== undefined) await expectFolder(wheelDir)
  const { path: place } = await setupPlace(folder)
  const tools = await findTools(python, { signal })
  const work = await createWorkFolder(place)
  const keep = removeOnExit(work)
  try {
    const wheel = gpu ? "tensorflow[and-cuda]" : "tensorflow-cpu"
    say(`Taking ${wheel} from ${wheelDir ?? `pip of Python ${tools.pythonVersion}`} …`)
    const site = join(work, "site-packages")
    const tensorflow = await fetchWheel({ python: tools.python, gpu, wheelDir, target: site, signal })
    say("Taking tfjs-node …")
    await fetchTfjsNode(join(work, "tfjs-node"), { archiveDir: wheelDir, signal })
    say(`Building its binding for TensorFlow ${tensorflow.version} …`)
    const build: AddonBuild = {
      compiler: tools.compiler,
      sources: join(work, "tfjs-node", "binding"),
      nodeHeaders: await nodeHeaders(join(work, "node-api-headers"), { archiveDir: wheelDir, signal }),
      tensorflow,
      output: join(work, "tfjs_binding.node"),
      signal,
    }
    await buildBinding(build)
    if (!gpu && process.arch === "x64") await addKernels({ ...build, output: join(work, KERNELS_FILE) }, say)
    await prune(work)
    say("Checking it with a computation and a gradient …")
    const { device } = await check(work, gpu, signal)
    await replace(place, work)
    const seconds = Math.round((performance.now() - start) / 100) / 10
    return { folder, tensorflow: tensorflow.version, device, bytes: await bytesIn(place), seconds }
  } catch (error) {
    // A program that was ended by the signal fails in its own way.
    signal?.throwIfAborted()
    throw error
  } finally {
    await rm(work, { recursive: true, force: true })
    keep()
  }
}

/**
 * Undoes {@link setUpTensorflow}.
 *
 * @returns the folder and the bytes that were in it, or null when there was none
 * @throws InputError for a file, and for a folder that holds anything but a setup
 */
export async function removeTensorflow(
  folder: string = setupFolder(),
): Promise<{ readonly folder: string; readonly bytes: number } | null> {
  const { path: place, exists } = await setupPlace(folder)
  if (!exists) return null
  const bytes = await bytesIn(place)
  await rm(place, { recursive: true }).catch((cause: unknown) => {
    throw fileError("remove", folder, cause)
  })
  return { folder, bytes }
}

/** Makes a folder beside the final one, to be renamed at the end. Folders of runs that were killed are removed. */
async function createWorkFolder(folder: string): Promise<string> {
  const parent = dirname(folder)
  const prefix = `${basename(folder)}.new-`
  try {
    await makeFolder(parent)
    for (const name of await readdir(parent)) {
      if (name.startsWith(prefix) && !(await isInUse(join(parent, name)))) {
        await rm(join(parent, name), { recursive: true, force: true })
      }
    }
    return await mkdtemp(join(parent, `${prefix}${process.pid}-`))
  } catch (cause) {
    throw fileError("write", parent, cause)
  }
}

async function isInUse(folder: string): Promise<boolean> {
  const pid = Number(/\.new-(\d+)-/.exec(basename(folder))?.[1])
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM means that the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** Builds our own kernels. TensorFlow computes everything without them, so a failure is said and ends nothing. */
async function addKernels(build: Omit<AddonBuild, "sources">, say: (step: string) => void): Promise<void> {
  const sources = packageSources("kernels", import.meta.url)
  say("Building LLLite's own kernels …")
  const problem =
    sources === null ? "their sources are not where this program runs." : await buildKernels({ ...build, sources })
  build.signal?.throwIfAborted()
  if (problem !== null) say(`TensorFlow's own products are used, since LLLite's kernels are missing: ${problem}`)
}

/** Removes the Python part of the wheel. The shared libraries and their licences stay. */
async function prune(work: string): Promise<void> {
  const site = join(work, "site-packages")
  for (const name of await readdir(site)) {
    if (name === "tensorflow" || name === "nvidia" || name.endsWith(".dist-info")) continue
    await rm(join(site, name), { recursive: true })
  }
  for (const name of await readdir(join(site, "tensorflow"))) {
    if (!name.startsWith("libtensorflow_")) await rm(join(site, "tensorflow", name), { recursive: true })
  }
  await rm(join(work, "node-api-headers"), { recursive: true, force: true })
}

/** Computes in a separate process, since a library that does not suit the machine ends its process. */
async function check(
  work: string,
  gpu: boolean,
  signal: AbortSignal | undefined,
): Promise<Extract<ProbeResult, { readonly works: true }>> {
  const installation = setupInstallation(work)
  if (typeof installation === "string") throw new InputError("setup-incomplete", `setup tensorflow: ${installation}`)
  const result = await probeBackend("tensorflow", { tensorflow: installation, signal })
  signal?.throwIfAborted()
  if (!result.works)
    throw new InputError("setup-broken", `setup tensorflow: TensorFlow was built and does not work: ${result.problem}`)
  if (gpu && result.device !== "GPU") {
    throw new InputError(
      "setup-gpu",
      "setup tensorflow: TensorFlow works and finds no GPU. Check that nvidia-smi shows the card and a driver for CUDA 12 or newer, or set TensorFlow up for the CPU.",
    )
  }
  return result
}

async function replace(folder: string, work: string): Promise<void> {
  const old = `${work}.old`
  try {
    const isReplacing = existsSync(folder)
    if (isReplacing) await rename(folder, old)
    await rename(work, folder)
    if (isReplacing) await rm(old, { recursive: true, force: true })
  } catch (cause) {
    throw fileError("write", folder, cause)
  }
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}
