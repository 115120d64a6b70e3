import { stat } from "node:fs/promises"
import type { NodeRuntime } from "@lllite/runtime-node"
import type { RuntimeChoice } from "../../model/runtime-options.ts"
import { startRuntime } from "../../model/start-runtime.ts"
import type { Reporter } from "../../terminal/progress.ts"

/** A runtime that keeps its models between jobs. */
export interface WarmRuntime {
  /**
   * The runtime for one job. What a job loads stays loaded: the last SDXL, and the adapters and LoRAs that were used with
   * it. A file that has changed is loaded anew. Disposing the lent runtime does nothing.
   */
  lend(choice: RuntimeChoice, reporter: Reporter, signal: AbortSignal): Promise<NodeRuntime>
  /** Ends the runtime. The next job starts another. */
  dispose(): Promise<void>
}

/** The most adapters, and the most LoRAs, that are kept beside an SDXL. */
const MOST_KEPT = 8

export function createWarmRuntime(start: typeof startRuntime = startRuntime): WarmRuntime {
  let kept: { readonly key: string; readonly runtime: NodeRuntime; readonly lent: NodeRuntime } | null = null
  const dispose = async (): Promise<void> => {
    const before = kept
    kept = null
    await before?.runtime.dispose()
  }
  return {
    dispose,
    async lend(choice, reporter, signal) {
      const key = JSON.stringify(choice)
      if (kept !== null && kept.key !== key) await dispose()
      if (kept === null) {
        const runtime = await start(choice, reporter, signal)
        kept = { key, runtime, lent: keeping(runtime) }
      }
      return kept.lent
    },
  }
}

interface Disposable {
  dispose(): Promise<void>
}

/** The runtime with everything that is loaded kept. */
function keeping(runtime: NodeRuntime): NodeRuntime {
  const models = createShelf<Awaited<ReturnType<NodeRuntime["loadSdxl"]>>>(1)
  const adapters = createShelf<Awaited<ReturnType<NodeRuntime["loadAdapter"]>>>(MOST_KEPT)
  const controlNets = createShelf<Awaited<ReturnType<NodeRuntime["loadControlNet"]>>>(MOST_KEPT)
  const loras = createShelf<Awaited<ReturnType<NodeRuntime["loadLora"]>>>(MOST_KEPT)
  return {
    ...runtime,
    dispose: async () => {},
    async loadSdxl(checkpoint, options = {}) {
      const { signal: _, onProgress: __, ...rest } = options
      const { unet = "", vae = "", loras: merged = [] } = options
      const key = await keyOf(rest, [checkpoint, unet, vae, ...merged.map(({ source }) => source)])
      if (!models.has(key)) {
        // The next model needs the room. What was loaded for this one does not fit another.
        for (const shelf of [adapters, controlNets, loras]) await shelf.clear()
        await models.clear()
      }
      return models.get(key, () => runtime.loadSdxl(checkpoint, options))
    },
    async loadAdapter(source, sdxl, options) {
      if (typeof source !== "string") return runtime.loadAdapter(source, sdxl, options)
      return adapters.get(await keyOf({}, [source]), () => runtime.loadAdapter(source, sdxl, options))
    },
    async loadControlNet(source, sdxl, options) {
      return controlNets.get(await keyOf({}, [source]), () => runtime.loadControlNet(source, sdxl, options))
    },
    async loadLora(source, sdxl, options) {
      return loras.get(await keyOf({}, [source]), () => runtime.loadLora(source, sdxl, options))
    },
  }
}

/** Loaded things by their keys, the last used ones. */
interface Shelf<T extends Disposable> {
  has(key: string): boolean
  get(key: string, load: () => Promise<T>): Promise<T>
  clear(): Promise<void>
}

function createShelf<T extends Disposable>(most: number): Shelf<T> {
  // A map keeps the order of insertion, so the first is the one that was not used for longest.
  const things = new Map<string, T>()
  return {
    has: (key) => things.has(key),
    async get(key, load) {
      const thing = things.get(key) ?? (await load())
      things.delete(key)
      things.set(key, thing)
      for (const [old, unused] of things) {
        if (things.size <= most) break
        things.delete(old)
        await unused.dispose()
      }
      return thing
    },
    async clear() {
      const all = [...things.values()]
      things.clear()
      for (const thing of all) await thing.dispose()
    },
  }
}

/** A key of options and files, which changes when a file does. */
async function keyOf(options: object, paths: readonly string[]): Promise<string> {
  const states = paths.map(async (path) => {
    const found = await stat(path).catch(() => null)
    return [path, found?.size ?? 0, found?.mtimeMs ?? 0]
  })
  return JSON.stringify([options, await Promise.all(states)])
}
