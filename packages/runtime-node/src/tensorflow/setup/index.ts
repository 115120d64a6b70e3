import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import type { ProbeResult } from "../../backends/probe-backend.ts"
import { probeBackend } from "../../backends/probe-backend.ts"
import { fileError, InputError } from "../../errors.ts"
import { setupInstallation } from "../installation.ts"
import { setupFolder } from "../setup-folder.ts"
import { buildBinding } from "./build-binding.ts"
import { fetchTfjsNode, nodeHeaders } from "./fetch-packages.ts"
import { fetchWheel } from "./fetch-wheel.ts"
import { findTools } from "./tools.ts"

export interface TensorflowSetupOptions {
  /** Build against the wheel with CUDA, and fetch NVIDIA's libraries. */
  readonly gpu?: boolean
  /** The Python whose pip is asked; `python3` or `python` unless given. */
  readonly python?: string
  /** A folder to take wheels (and npm archives) from instead of the network. */
  readonly wheelDir?: string
  /** Where to put it; the user's cache folder unless given. */
  readonly folder?: string
  /** Stops it: what runs is ended, and nothing has changed. */
  readonly signal?: AbortSignal
  /** Told before every step. */
  readonly say?: (step: string) => void
}

/** What was set up. */
export interface TensorflowSetup {
  readonly folder: string
  readonly tensorflow: string
  readonly device: "CPU" | "GPU"
  readonly bytes: number
  readonly seconds: number
}

/**
 * Makes a current TensorFlow work under tfjs-node where its own download cannot: takes TensorFlow's wheel, builds
 * tfjs-node's binding against the library inside, and proves by a computation and a gradient that it works. Only then
 * it takes the place of an earlier one; when anything fails, nothing has changed.
 *
 * @throws InputError saying what is missing or went wrong
 */
export async function setUpTensorflow(options: TensorflowSetupOptions = {}): Promise<TensorflowSetup> {
  const { gpu = false, python, wheelDir, folder = setupFolder(), signal, say = () => {} } = options
  const start = performance.now()
  if (process.platform !== "linux" && process.platform !== "darwin") {
    throw new InputError(
      `setup tensorflow: TensorFlow's wheels for ${process.platform} have no C library to build against. Type: npm install @tensorflow/tfjs-node@4.22.0`,
    )
  }
  if (gpu && process.platform !== "linux") {
    throw new InputError(
      "setup tensorflow: a graphics card can be used on Linux with an NVIDIA card only, for which there are wheels with CUDA.",
      { code: "setup-gpu" },
    )
  }
  if (wheelDir !== undefined) await expectFolder(wheelDir)
  const tools = await findTools(python, { signal })
  const work = await createWorkFolder(folder)
  try {
    const wheel = gpu ? "tensorflow[and-cuda]" : "tensorflow-cpu"
    say(`Taking ${wheel} from ${wheelDir ?? `pip of Python ${tools.pythonVersion}`} …`)
    const site = join(work, "site-packages")
    const tensorflow = await fetchWheel({ python: tools.python, gpu, wheelDir, target: site, signal })
    say("Taking tfjs-node …")
    await fetchTfjsNode(join(work, "tfjs-node"), { given: wheelDir, signal })
    say(`Building its binding against TensorFlow ${tensorflow.version} …`)
    await buildBinding({
      compiler: tools.compiler,
      sources: join(work, "tfjs-node", "binding"),
      nodeHeaders: await nodeHeaders(join(work, "node-api-headers"), { given: wheelDir, signal }),
      tensorflow,
      output: join(work, "tfjs_binding.node"),
      signal,
    })
    await prune(work)
    say("Checking it by a computation and a gradient …")
    const { device } = await check(work, gpu)
    signal?.throwIfAborted()
    await replace(folder, work)
    const seconds = Math.round((performance.now() - start) / 100) / 10
    return { folder, tensorflow: tensorflow.version, device, bytes: await bytesIn(folder), seconds }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * Undoes {@link setUpTensorflow}.
 *
 * @returns the folder and the bytes that were in it, or null when there was none
 */
export async function removeTensorflow(
  folder: string = setupFolder(),
): Promise<{ readonly folder: string; readonly bytes: number } | null> {
  if (!existsSync(folder)) return null
  const bytes = await bytesIn(folder)
  await rm(folder, { recursive: true }).catch((cause: unknown) => {
    throw fileError("remove", folder, cause)
  })
  return { folder, bytes }
}

async function expectFolder(path: string): Promise<void> {
  const status = await stat(path).catch((cause: unknown) => {
    throw fileError("read", path, cause)
  })
  if (!status.isDirectory()) throw new InputError(`cannot read "${path}": it is a file, expected a folder of wheels.`)
}

/** A folder beside the final one, so that it can be renamed into place. Those of runs that were killed are removed. */
async function createWorkFolder(folder: string): Promise<string> {
  const parent = dirname(folder)
  const prefix = `${basename(folder)}.new-`
  try {
    await mkdir(parent, { recursive: true })
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
    // Somebody else's process: it is there.
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** Leaves the shared libraries and what says whose they are; the rest of the wheel is Python. */
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

/** Computes in a process of its own, since a library that does not suit the machine ends the process it is in. */
async function check(work: string, gpu: boolean): Promise<Extract<ProbeResult, { readonly works: true }>> {
  const installation = setupInstallation(work)
  if (typeof installation === "string") throw new InputError(`setup tensorflow: ${installation}`)
  const result = await probeBackend("tensorflow", { tensorflow: installation })
  if (!result.works) throw new InputError(`setup tensorflow: it was built, and does not work: ${result.problem}`)
  if (gpu && result.device !== "GPU") {
    throw new InputError(
      "setup tensorflow: it works, but TensorFlow sees no GPU. Check that nvidia-smi shows the card and a driver for CUDA 12 or newer.",
      { code: "setup-gpu" },
    )
  }
  return result
}

async function replace(folder: string, work: string): Promise<void> {
  const old = `${work}.old`
  const isReplacing = existsSync(folder)
  if (isReplacing) await rename(folder, old)
  await rename(work, folder)
  if (isReplacing) await rm(old, { recursive: true, force: true })
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}
