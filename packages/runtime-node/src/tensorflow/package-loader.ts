import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import * as util from "node:util"
import { compileFunction } from "node:vm"
import type * as tfjs from "@tensorflow/tfjs-core"
import { requireFrom } from "../own-files.ts"
import type { TensorflowBinding } from "./binding.ts"

/** The part of tfjs-node's JavaScript that makes a backend from a binding. */
export interface NodeBackendPackage {
  /** Makes the backend. The caller registers it with tfjs. */
  createBackend(binding: TensorflowBinding): tfjs.KernelBackend
}

/** Functions of `node:util` that tfjs-node calls and newer Nodes no longer have. */
const UTIL_OF_OLD = {
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
  isArray: Array.isArray,
}

/**
 * Loads only the kernels and the backend class of tfjs-node's package. The package's entry is not used: it looks for
 * the addon in its own folder and imports another copy of tfjs. The files are CommonJS. They get the caller's tfjs, and
 * a `util` with the functions that they call.
 *
 * @param folder of the package
 * @param tf the tfjs that the kernels register with
 */
export function loadNodeBackendPackage(folder: string, tf: typeof tfjs): NodeBackendPackage {
  const native = requireFrom(import.meta.url)
  const loaded = new Map<string, { exports: unknown }>()
  const provided: Readonly<Record<string, unknown>> = {
    "@tensorflow/tfjs": tf,
    "@tensorflow/tfjs-core": tf,
    util: { ...util, ...UTIL_OF_OLD },
    // Messages of SavedModel and TensorBoard. They need google-protobuf and are not used here.
    "./proto/api_pb": {},
  }
  const load = (path: string): unknown => {
    const known = loaded.get(path)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    loaded.set(path, module)
    const run = compileFunction(readFileSync(path, "utf8"), ["exports", "require", "module"], { filename: path })
    const requireFrom = (name: string): unknown => {
      if (Object.hasOwn(provided, name)) return provided[name]
      if (name.startsWith(".")) return load(resolve(dirname(path), name.endsWith(".js") ? name : `${name}.js`))
      return native(`node:${name}`)
    }
    run(module.exports, requireFrom, module)
    return module.exports
  }
  load(resolve(folder, "dist/register_all_kernels.js"))
  const { NodeJSKernelBackend } = load(resolve(folder, "dist/nodejs_kernel_backend.js")) as {
    readonly NodeJSKernelBackend: new (binding: TensorflowBinding, name: string) => tfjs.KernelBackend
  }
  return { createBackend: (binding) => new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node") }
}
