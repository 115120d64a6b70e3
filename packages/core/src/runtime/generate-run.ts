import { checkOptions } from "../argument.ts"
import type { Client } from "../channel/client.ts"
import { samplerInfo } from "../diffusion/names.ts"
import { GENERATE_DEFAULTS, GENERATE_RANGES } from "../generation/defaults.ts"
import { resampleNotice, resampleReason } from "../generation/grids.ts"
import { checkRequests, type GenerateOptions, type PictureRequest } from "../generation/request.ts"
import { checkStart, listOf, type StartPicture } from "../generation/start-picture.ts"
import { checkRanges } from "../number-range.ts"
import { isGuided, partsOfPrompt } from "../prompt/composed.ts"
import type { AdapterIds } from "./adapter-ids.ts"
import type { GeneratedImage, GenerateRunEvent, GenerateRunOptions, LoraHandle } from "./contract.ts"
import { DEFAULT_BATCH_SIZE } from "./contract.ts"
import type { ControlNetIds } from "./control-net-ids.ts"
import type { HandleIds } from "./handle-ids.ts"
import { merge } from "./merge.ts"
import { ADAPTER_USE_KINDS, CONTROL_NET_USE_KINDS, GENERATE_RUN_KINDS, LORA_USE_KINDS } from "./option-kinds.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"

/** The numbers of what a run uses. */
export interface RunIds {
  readonly adapters: AdapterIds
  readonly controlNets: ControlNetIds
  readonly loras: HandleIds<LoraHandle>
}

/**
 * What of the options has no effect, one sentence each. Prompts with AND are combined by guidance, so that they have no
 * steps without it.
 */
export function idleNotices(
  requests: readonly Pick<PictureRequest, "prompt">[],
  {
    guidanceWindow: window = { start: 0, end: 1 },
    prompts = {},
    negativeScale = null,
    start = null,
    startNoise = null,
    ...scales
  }: Pick<
    GenerateOptions,
    "guidanceWindow" | "prompts" | "negativeScale" | "guidanceScale" | "hires" | "start" | "startNoise"
  >,
): readonly string[] {
  const isPart = window.start > 0 || window.end < 1
  const isComposed = requests.some(({ prompt }) => partsOfPrompt(prompt, prompts).length > 1)
  const isIdle = negativeScale !== null && !isGuided(requests, { guidanceScale: largestScale(scales), prompts })
  return [
    ...(isPart && isComposed
      ? ["The window of guidance has no effect on prompts with AND, which are guided in every step."]
      : []),
    ...(isIdle
      ? ["The scale of the negative prompt has no effect, because a guidance scale of 1 turns guidance off."]
      : []),
    ...(start === null || startNoise === null
      ? []
      : ["What is added to the noise of the start has no effect on a picture that starts from another."]),
  ]
}

/** Makes pictures with a model on several workers, in batches side by side. See `SdxlHandle`. */
export async function* generateWith<Types extends RuntimeTypes>(
  clients: readonly Client<RuntimeTasks<Types>>[],
  ids: RunIds,
  model: number,
  requests: readonly PictureRequest[],
  given: GenerateRunOptions,
): AsyncGenerator<GenerateRunEvent, void, void> {
  checkOptions("generate", given, GENERATE_RUN_KINDS, ["width", "height"])
  const { batchSize = DEFAULT_BATCH_SIZE, start = null, signal, ...others } = given
  const { adapters = [], controlNets = [], loras = [], ...options } = others
  signal?.throwIfAborted()
  checkRequests(requests)
  const count = requests.length
  for (const use of adapters) checkOptions("generate: an adapter", use, ADAPTER_USE_KINDS, ["adapter", "control"])
  for (const use of loras) checkOptions("generate: a LoRA", use, LORA_USE_KINDS, ["lora"])
  for (const use of controlNets) {
    checkOptions("generate: a ControlNet", use, CONTROL_NET_USE_KINDS, ["controlNet", "control"])
  }
  checkRanges("generate", { batchSize }, GENERATE_RANGES)
  const [lead] = clients
  const { prompts = {}, textualInversions = [], parts = null, negativeParts = null } = options
  const guidanceScale = largestScale(options)
  const mixedIn = (own: typeof parts): readonly string[] =>
    (own ?? []).flatMap(({ mix = [] }) => mix.map(({ text }) => text))
  const texts = requests.flatMap((request) => {
    const textsIn = (prompt: string): readonly string[] => partsOfPrompt(prompt, prompts).map(({ text }) => text)
    const { negativePrompt = "", firstPrompt = [], firstNegativePrompt = [] } = request
    const positive = [...textsIn(request.prompt), ...mixedIn(parts)].concat(firstPrompt)
    if (!isGuided([request], { guidanceScale, prompts })) return positive
    const negatives = negativeParts === null ? [negativePrompt] : textsIn(negativePrompt)
    return positive.concat(negatives, mixedIn(negativeParts), firstNegativePrompt)
  })
  const argument = { model, prompts: [...new Set(texts)], options: prompts, textualInversions }
  for (const text of (await lead?.call("promptNotices", argument, { signal })) ?? []) yield { kind: "notice", text }
  for (const text of idleNotices(requests, { ...options, start })) yield { kind: "notice", text }
  const reason = resampleReason({ ...options, adapters })
  if (reason !== null) yield { kind: "notice", text: resampleNotice(reason) }
  if (start !== null) checkStart(start, count)
  const chunks = await chunksOf(clients, model, requests, options, signal)
  // Some samplers would change a picture by the others of its batch.
  const samplers = [options.sampler ?? GENERATE_DEFAULTS.sampler, options.hires?.sampling?.sampler ?? []].flat()
  const isAlone = samplers.some((name) => samplerInfo(name)?.alone === true)
  const batches = cutBatches(chunks, isAlone ? 1 : batchSize).map(([from, to]) => {
    const part = requests.slice(from, to)
    const startOfPart = start === null ? null : partOfStart(start, from, part.length)
    const of = [from, part.length, count] as const
    const nets = ids.controlNets.sent(controlNets, ...of)
    return { from, part, start: startOfPart, adapters: ids.adapters.sent(adapters, ...of), controlNets: nets }
  })
  const usedLoras = loras.map(({ lora, ...use }) => ({ ...use, lora: ids.loras.get(lora) }))
  const left = new AbortController()
  const abort = (): void => left.abort(signal?.reason)
  signal?.addEventListener("abort", abort)

  /** Takes batches until none are left. */
  let taken = 0
  async function* walk(client: Client<RuntimeTasks<Types>>) {
    for (let batch = batches[taken++]; batch !== undefined; batch = batches[taken++]) {
      const { from, part, adapters, controlNets, start } = batch
      const used = { adapters, controlNets, start, loras: usedLoras }
      const argument = { model, requests: part, options: { ...options, ...used } }
      for await (const event of client.open("generate", argument, { signal: left.signal })) yield { from, part, event }
    }
  }

  // Batches end in any order. Their pictures are yielded in order.
  const ready = new Map<number, GeneratedImage>()
  const fractions = new Map<number, number>()
  const said = new Set<string>()
  let sent = 0
  try {
    for await (const { from, part, event } of merge(clients.map(walk), () => left.abort())) {
      if (event.kind === "step" || event.kind === "tile") {
        const steps = event.kind === "step" ? event.step : event.step - 1 + event.tile / event.tiles
        // The second pass of a step begins with its first tile again.
        fractions.set(from, Math.max(fractions.get(from) ?? 0, (steps / event.steps) * part.length))
        const done = [...fractions.values()].reduce((sum, value) => sum + value, 0)
        yield { ...event, first: from, done, count }
      } else if (event.kind === "notice") {
        if (!said.has(event.text)) yield event
        said.add(event.text)
      } else if (event.kind === "deltas") yield { ...event, first: from }
      else if (event.kind === "first-stage") yield { ...event, index: from + event.index }
      else {
        ready.set(from + event.index, { ...event, index: from + event.index })
        for (let image = ready.get(sent); image !== undefined; image = ready.get(++sent)) {
          ready.delete(sent)
          yield image
        }
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort)
  }
}

/** The scale of a stage that is guided, if one is. Its negative prompts are read. */
function largestScale({
  guidanceScale = GENERATE_DEFAULTS.guidanceScale,
  hires,
}: Pick<GenerateRunOptions, "guidanceScale" | "hires">): number {
  return guidanceScale === 1 ? (hires?.sampling?.guidanceScale ?? 1) : guidanceScale
}

/** The start of neighbouring pictures. A list of one picture or mask is for all. */
function partOfStart(start: StartPicture, from: number, length: number): StartPicture {
  const part = <T>(list: readonly T[]): readonly T[] => (list.length === 1 ? list : list.slice(from, from + length))
  return {
    ...start,
    image: part(listOf(start.image)),
    ...(start.mask == null ? {} : { mask: part(listOf(start.mask)) }),
  }
}

/** The chunks of tokens that each request needs. Pictures of one prompt need no count. */
async function chunksOf<Types extends RuntimeTypes>(
  [client]: readonly Client<RuntimeTasks<Types>>[],
  model: number,
  requests: readonly PictureRequest[],
  given: Pick<GenerateRunOptions, "guidanceScale" | "prompts" | "textualInversions" | "negativeParts" | "hires">,
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const [first] = requests
  const textsOf = ({ prompt, negativePrompt = "", firstPrompt, firstNegativePrompt }: PictureRequest): string =>
    JSON.stringify([prompt, negativePrompt, firstPrompt ?? null, firstNegativePrompt ?? null])
  const isOnePrompt = requests.every((request) => first !== undefined && textsOf(request) === textsOf(first))
  if (isOnePrompt || client === undefined) return requests.map(() => 1)
  const { prompts, textualInversions, negativeParts } = given
  const options = {
    guidanceScale: largestScale(given),
    ...(prompts === undefined ? {} : { prompts }),
    ...(textualInversions === undefined ? {} : { textualInversions }),
    ...(negativeParts === undefined ? {} : { negativeParts }),
  }
  return client.call("countChunks", { model, requests, options }, { signal })
}

/**
 * Ranges of neighbouring requests, each of at most `batchSize` with the same number of chunks. A batch pads its prompts
 * to the longest, so a picture of another length would not be the same as alone.
 */
export function cutBatches(chunks: readonly number[], batchSize: number): readonly (readonly [number, number])[] {
  const batches: [number, number][] = []
  for (const [i, count] of chunks.entries()) {
    const last = batches.at(-1)
    if (last !== undefined && i - last[0] < batchSize && chunks[last[0]] === count) last[1] = i + 1
    else batches.push([i, i + 1])
  }
  return batches
}
