import { checkArgument, checkChoice, checkOptions, type OptionKinds } from "../argument.ts"
import type { Client } from "../channel/client.ts"
import { PREDICTIONS } from "../diffusion/names.ts"
import { CoreError } from "../errors.ts"
import type { TextProjection } from "../models/clip/weights.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { checkSites } from "../models/lllite/layout.ts"
import { createAdapterIds } from "./adapter-ids.ts"
import { cacheWith } from "./cache-run.ts"
import type {
  AdapterHandle,
  ControlNetHandle,
  LoadOptions,
  LoadSdxlOptions,
  LoraHandle,
  Runtime,
  SdxlHandle,
  StartedBackend,
} from "./contract.ts"
import { createControlNetIds } from "./control-net-ids.ts"
import { generateWith, type RunIds } from "./generate-run.ts"
import { createHandleIds } from "./handle-ids.ts"
import { LOAD_KINDS } from "./option-kinds.ts"
import { createStepHelper } from "./step-helper.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"
import { trainWith } from "./train-run.ts"
import { validateWith } from "./validation-run.ts"

/** The values of `TextProjection`. */
const PROJECTIONS: readonly TextProjection[] = ["checkpoint", "sd-scripts"]

/** The clients of a runtime's workers. */
export type Clients<Types extends RuntimeTypes> = readonly [
  Client<RuntimeTasks<Types>>,
  ...Client<RuntimeTasks<Types>>[],
]

/** The parts of a runtime. */
export interface RuntimeParts<Types extends RuntimeTypes, Source, Options extends LoadSdxlOptions<Source>> {
  readonly started: StartedBackend<Types["backend"]>
  /** Clients of started workers, at least one. */
  readonly clients: Clients<Types>
  /** The options of `loadSdxl`, and what each is. */
  readonly loadKinds: OptionKinds<Options>
  /** A checkpoint in the form that is sent. It throws for problems that are known before a worker reads the file. */
  checkpoint(source: Source, options: Options): Types["checkpoint"] | Promise<Types["checkpoint"]>
  /** A file in the form that is sent. */
  file(source: Source): Types["file"]
  /** Events of loading besides progress. */
  onLoadEvent?(event: Types["loadEvent"], options: Options): void
  /** Ends the workers. */
  close(): void | Promise<void>
}

/** A runtime whose loading takes more options. */
export interface PlacedRuntime<Types extends RuntimeTypes, Source, Options extends LoadSdxlOptions<Source>>
  extends Runtime<Source, Types["backend"]> {
  loadSdxl(checkpoint: Source, options?: Options): Promise<SdxlHandle>
}

/** A runtime over workers that run `createRuntimeTasks` of `@lllite/core/worker`. */
export async function createRuntime<Types extends RuntimeTypes, Source, Options extends LoadSdxlOptions<Source>>(
  parts: RuntimeParts<Types, Source, Options>,
): Promise<PlacedRuntime<Types, Source, Options>> {
  const { started, clients, close } = parts
  await connect(clients)
  const ids = createAdapterIds()
  const controlNetIds = createControlNetIds()
  const loraIds = createHandleIds<LoraHandle>("a LoRA", "loadLora")
  const modelIds = createHandleIds<SdxlHandle>("the SDXL", "loadSdxl")
  let lastId = 0
  let isDisposed = false
  let ending: Promise<void> | null = null
  const end = async (): Promise<void> => {
    isDisposed = true
    for (const client of clients) client.fail(new CoreError("disposed", "runtime: it was disposed. Create a new one."))
    await close()
  }
  /**
   * Calls every worker. If one fails, the call is undone in all. So it is if the signal comes when the workers have ended
   * already: who has aborted a call expects nothing to free.
   */
  const everywhere = async <T>(
    signal: AbortSignal | undefined,
    ask: (client: Client<RuntimeTasks<Types>>, index: number) => Promise<T>,
    undo: (client: Client<RuntimeTasks<Types>>) => Promise<unknown>,
  ): Promise<T> => {
    const results = await Promise.allSettled(clients.map(ask))
    const failed = results.find((result) => result.status === "rejected")
    if (failed !== undefined || signal?.aborted === true) {
      await Promise.allSettled(clients.map(undo))
      throw signal?.aborted === true ? signal.reason : failed?.reason
    }
    return (results as readonly PromiseFulfilledResult<T>[])[0]?.value as T
  }

  return {
    ...started,
    threads: clients.length,

    async loadSdxl(source, options = {} as Options) {
      checkOptions("loadSdxl", options, parts.loadKinds)
      checkChoice("loadSdxl", "prediction", options.prediction, PREDICTIONS)
      checkChoice("loadSdxl", "projection", options.projection, PROJECTIONS)
      const { signal, onProgress } = options
      signal?.throwIfAborted()
      const model = ++lastId
      const from = await parts.checkpoint(source, options)
      const loaded = await everywhere(
        signal,
        (client, index) =>
          client.call(
            "load",
            { model, from },
            {
              signal,
              // All workers read the same file, so one of them reports progress.
              onValue: (event) => {
                if (index > 0) return
                if (isProgress(event)) onProgress?.(event)
                else parts.onLoadEvent?.(event, options)
              },
            },
          ),
        (client) => client.call("unload", { model }),
      )
      const handle = createHandle({
        ...{ clients, model, loaded, ids: { adapters: ids, controlNets: controlNetIds, loras: loraIds } },
        ...{ nextRun: () => ++lastId, isOver: () => isDisposed },
      })
      modelIds.add(handle, model)
      return handle
    },

    async readTextualInversion(source, options = {}) {
      checkOptions("readTextualInversion", options, NAMED_KINDS)
      const { name, signal, onProgress } = options
      signal?.throwIfAborted()
      const argument = { file: parts.file(source), name: name ?? null }
      const read = await clients[0].call("readTextualInversion", argument, {
        signal,
        ...(onProgress === undefined ? {} : { onValue: onProgress }),
      })
      signal?.throwIfAborted()
      return read
    },

    async loadLora(source, sdxl, options: LoadOptions = {}) {
      checkOptions("loadLora", options, LOAD_KINDS)
      const { signal, onProgress } = options
      signal?.throwIfAborted()
      const model = modelIds.get(sdxl)
      const lora = ++lastId
      const file = parts.file(source)
      const { notices } = await everywhere(
        signal,
        (client, index) =>
          client.call(
            "loadLora",
            { lora, model, file },
            { signal, onValue: (progress) => index === 0 && onProgress?.(progress) },
          ),
        (client) => client.call("unloadLora", { lora }),
      )
      const handle: LoraHandle = {
        notices,
        async dispose() {
          const id = loraIds.remove(handle)
          if (id === null || isDisposed) return
          await Promise.all(clients.map((client) => client.call("unloadLora", { lora: id })))
        },
      }
      loraIds.add(handle, lora)
      return handle
    },

    async loadControlNet(source, sdxl, options: LoadOptions = {}) {
      checkOptions("loadControlNet", options, LOAD_KINDS)
      const { signal, onProgress } = options
      signal?.throwIfAborted()
      const model = modelIds.get(sdxl)
      const controlNet = ++lastId
      const file = parts.file(source)
      const { notices } = await everywhere(
        signal,
        (client, index) =>
          client.call(
            "loadControlNet",
            { controlNet, model, file },
            { signal, onValue: (progress) => index === 0 && onProgress?.(progress) },
          ),
        (client) => client.call("unloadControlNet", { controlNet }),
      )
      const handle: ControlNetHandle = {
        notices,
        async dispose() {
          const id = controlNetIds.remove(handle)
          if (id === null || isDisposed) return
          await Promise.all(clients.map((client) => client.call("unloadControlNet", { controlNet: id })))
        },
      }
      controlNetIds.add(handle, controlNet)
      return handle
    },

    async loadAdapter(source, sdxl, options: LoadOptions = {}) {
      checkArgument("loadAdapter: the SDXL", sdxl, "an object")
      checkOptions("loadAdapter", options, LOAD_KINDS)
      checkArgument("loadAdapter: the layout of the SDXL", sdxl.layout, "an object")
      const { layout } = sdxl
      const { signal, onProgress } = options
      signal?.throwIfAborted()
      const adapter = ++lastId
      const from = isModel(source)
        ? { model: { adapters: source.adapters, values: source.values } }
        : { file: parts.file(source) }
      const { adapters, notices } = await everywhere(
        signal,
        (client, index) =>
          client.call(
            "loadAdapter",
            { adapter, layout, from },
            {
              signal,
              onValue: (progress) => index === 0 && onProgress?.(progress),
            },
          ),
        (client) => client.call("unloadAdapter", { adapter }),
      )
      const handle: AdapterHandle = {
        adapters,
        notices,
        async dispose() {
          const id = ids.remove(handle)
          if (id === null || isDisposed) return
          await Promise.all(clients.map((client) => client.call("unloadAdapter", { adapter: id })))
        },
      }
      ids.add(handle, adapter)
      return handle
    },

    async memory() {
      const all = await Promise.all(clients.map((client) => client.call("memory", null)))
      const sum = (of: (memory: (typeof all)[number]) => number): number =>
        all.reduce((total, one) => total + of(one), 0)
      return {
        tensors: sum(({ tensors }) => tensors),
        bytes: sum(({ bytes }) => bytes),
        allocated: sum(({ allocated }) => allocated),
      }
    },

    dispose() {
      ending ??= end()
      return ending
    },
  }
}

const NAMED_KINDS: OptionKinds<LoadOptions & { readonly name?: string }> = { ...LOAD_KINDS, name: "text" }

interface HandleParts<Types extends RuntimeTypes> {
  readonly clients: Clients<Types>
  readonly ids: RunIds
  readonly model: number
  /** What the workers say about the model. */
  readonly loaded: Pick<SdxlHandle, "layout" | "prediction" | "zeroTerminalSnr" | "notices">
  nextRun(): number
  /** Whether the runtime was disposed. */
  isOver(): boolean
}

function createHandle<Types extends RuntimeTypes>(parts: HandleParts<Types>): SdxlHandle {
  const { clients, ids, model, loaded, nextRun, isOver } = parts
  let isDisposed = false
  const expectLoaded = (task: string): void => {
    if (isDisposed) throw new CoreError("disposed", `${task}: this SDXL was disposed. Load it again.`)
  }
  return {
    ...loaded,
    async *generate(requests, options) {
      expectLoaded("generate")
      yield* generateWith(clients, ids, model, requests, options)
    },
    async *train(dataset, options) {
      expectLoaded("training")
      checkSites("training", options?.sites, loaded.layout)
      return yield* trainWith(clients, { model, run: nextRun() }, dataset, options)
    },
    async *cache(dataset, options) {
      expectLoaded("caching")
      yield* cacheWith(clients, { model, run: nextRun() }, dataset, options)
    },
    validation(dataset, options) {
      expectLoaded("validation")
      return validateWith(clients, { model, run: nextRun() }, dataset, options)
    },
    stepHelper() {
      expectLoaded("training")
      return createStepHelper(clients, { model, run: nextRun() })
    },
    async dispose() {
      if (isDisposed) return
      isDisposed = true
      if (isOver()) return
      await Promise.all(clients.map((client) => client.call("unload", { model })))
    },
  }
}

/** Connects the first worker with every other by a channel. */
async function connect<Types extends RuntimeTypes>([lead, ...helpers]: Clients<Types>): Promise<void> {
  if (helpers.length === 0) return
  const channels = helpers.map(() => new MessageChannel())
  const ports = channels.map(({ port1 }) => port1)
  await lead.call("lead", { ports }, { transfer: ports })
  await Promise.all(
    helpers.map((helper, i) => {
      const { port2: port } = channels[i] as MessageChannel
      return helper.call("listen", { port }, { transfer: [port] })
    }),
  )
}

function isModel(source: unknown): source is LlliteModel {
  return typeof source === "object" && source !== null && "values" in source && "adapters" in source
}

function isProgress(
  event: unknown,
): event is { readonly kind: "download" | "read" } & Parameters<NonNullable<LoadOptions["onProgress"]>>[0] {
  if (typeof event !== "object" || event === null || !("kind" in event)) return false
  return event.kind === "download" || event.kind === "read"
}
