import type { LlliteModel } from "@lllite/core/models"
import { DivergedError } from "@lllite/core/runtime"
import type { TrainState } from "@lllite/core/training"
import type { TrainRunStep } from "@lllite/runtime-web"
import { followWith } from "../controls/control-state.ts"
import { trainedName } from "../controls/network-text.ts"
import type { Network } from "../controls/networks.ts"
import { sha256Of } from "../hashes/sha256-of.ts"
import { keepNetwork } from "../kept/kept-networks.ts"
import { problemOf, remark, type Sentence, sentence } from "../language/sentence.ts"
import { heldBy } from "../models/model-facts.ts"
import { say } from "../page/status-line.tsx"
import { trainedFile } from "./download.ts"
import { datasetOf, splitPairs } from "./pairs.ts"
import { createRunKeeper, type RunKeeper } from "./run-keeper.ts"
import { drawHeldOut } from "./samples.ts"
import {
  keepPlan,
  keepState,
  listRuns,
  type RunPlan,
  type RunState,
  readRun,
  removeRun,
  whileHeld,
} from "./saved-runs.ts"
import { resultOf, type TrainSettings, trainOptions, trainSites } from "./train-settings.ts"
import {
  controlKind,
  keptRuns,
  losses,
  notices,
  pairs,
  sampled,
  sampleProblem,
  samples,
  settings,
  shownRun,
  type Trained,
  type TrainingModel,
  trained,
  trainState,
  without,
} from "./train-state.ts"
import { judge, type Verdict } from "./verdict.ts"

let controller: AbortController | null = null

/** Stops the training inside of the running step, or the measuring after it. What is done is kept. */
export function stopTraining(): void {
  controller?.abort()
}

/** Trains a new LLLite on the pairs. A failure is shown, and what was trained before it is kept. */
export async function startTraining(model: TrainingModel): Promise<void> {
  const [settingsNow, kind] = [settings.value, controlKind.value]
  const id = `${Date.now()}-${Math.floor(Math.random() * 1e9)}`
  await begin(model, { id, settings: settingsNow, kind, split: splitPairs(pairs.value, kind) }, null)
}

/** Continues a kept run where it was left. Its settings are shown. Its pairs are those that it began with. */
export async function resumeTraining(model: TrainingModel, id: string): Promise<void> {
  const kept = await readRun(id).catch(() => null)
  if (kept === null) {
    trainState.value = { phase: "failed", problem: sentence("train", "keptRunUnreadable") }
    return
  }
  settings.value = kept.plan.settings
  controlKind.value = kept.plan.kind
  await begin(model, kept.plan, kept.state)
}

/** Lists the kept runs. Without a store there are none. */
export async function refreshKeptRuns(): Promise<void> {
  const runs = await listRuns().catch(() => [])
  const isShown = (id: string): boolean => id === shownRun.value?.id && controller !== null
  keptRuns.value = runs.filter(({ id }) => !isShown(id))
}

/** Removes a kept run. It can be taken back. */
export async function discardRun(id: string): Promise<void> {
  const kept = await readRun(id)
  await removeRun(id)
  await refreshKeptRuns()
  say(
    sentence("train", "runDiscarded"),
    kept === null ? null : () => void keepAgain(kept).catch((error: unknown) => say(problemOf(error))),
  )
}

async function keepAgain({ plan, state }: NonNullable<Awaited<ReturnType<typeof readRun>>>): Promise<void> {
  await keepPlan(plan)
  await keepState(state, plan)
  await refreshKeptRuns()
}

/** The networks of results. Each is made once: a file that is written later holds another time. */
const resultNetworks = new WeakMap<LlliteModel, Promise<Network>>()

/** Adds the result to the LLLites under Draw, chooses it, and keeps its file over a reload. */
export async function listTrained({ runtime }: Pick<TrainingModel, "runtime">): Promise<void> {
  const [result, run] = [trained.value, shownRun.value]
  if (result === null || run === null) return
  const { lllite } = result
  setListed(lllite, true)
  const made = resultNetworks.get(lllite) ?? networkOfResult(runtime, result, run)
  resultNetworks.set(lllite, made)
  try {
    const network = followWith(await made)
    const notKept = network.isKept ? null : await keepNetwork(network)
    if (notKept !== null) notices.value = [...notices.value, notKept]
  } catch (error) {
    resultNetworks.delete(lllite)
    setListed(lllite, false)
    throw error
  }
}

async function networkOfResult(runtime: TrainingModel["runtime"], result: Trained, run: RunPlan): Promise<Network> {
  const source = await trainedFile(runtime, result, run)
  return {
    ...{ name: trainedName(result.step), kind: "lllite", source, sha256: await sha256Of(source), types: [] },
    ...{ control: run.kind, isKept: false },
  }
}

/** Says of a result whether it can be chosen under Draw. Meanwhile another run may have begun. */
function setListed(lllite: LlliteModel, isListed: boolean): void {
  const { value } = trained
  if (value?.lllite === lllite) trained.value = { ...value, isListed }
}

async function begin(model: TrainingModel, plan: RunPlan, kept: RunState | null): Promise<void> {
  controller = new AbortController()
  heldBy.value = sentence("models", "aTraining")
  shownRun.value = plan
  losses.value = kept?.losses ?? []
  samples.value = kept?.samples ?? []
  without.value = kept?.without ?? []
  sampled.value = plan.split.heldOut[0] ?? null
  notices.value = []
  sampleProblem.value = null
  trained.value = null
  trainState.value = { phase: "caching", done: 0, count: plan.split.trained.length }
  const keeper = createRunKeeper(plan)
  try {
    await whileHeld(plan.id, async () => {
      const problem = await keeper.begin()
      if (problem !== null) notices.value = [sentence("train", "runLostOnReload", problem)]
      await refreshKeptRuns()
      await follow(model, plan, kept, keeper)
    })
  } catch (error) {
    trainState.value = { phase: "failed", problem: problemOf(error) }
  } finally {
    controller = null
    heldBy.value = null
    await refreshKeptRuns()
  }
}

async function follow(model: TrainingModel, plan: RunPlan, kept: RunState | null, keeper: RunKeeper): Promise<void> {
  let failure: Sentence | null = null
  let last: TrainState | null = null
  try {
    last = await trainSteps(model, plan, kept, keeper)
  } catch (error) {
    if (!isAborted()) failure = problemOf(error)
    // What was trained before the failure can be used and saved.
    last = error instanceof DivergedError ? error.state : keeper.latest()
  }
  if (last !== null && last.step > 0) {
    await keeper.keep(last)
    const lllite = resultOf(plan.settings, last)
    trained.value = { lllite, step: last.step, verdict: null, isListed: false }
    trainState.value = { phase: "judging" }
    const verdict = await judged(model, plan, lllite)
    // The user may have chosen it while it was measured.
    const isListed = trained.value?.isListed === true
    trained.value = { lllite, step: last.step, verdict, isListed }
    if (verdict?.follows === true && !isListed) await listTrained(model)
    await keeper.keep(last)
  }
  trainState.value = failure === null ? { phase: "idle" } : { phase: "failed", problem: failure }
}

function isAborted(): boolean {
  return controller?.signal.aborted === true
}

async function trainSteps(
  model: TrainingModel,
  { settings, split }: RunPlan,
  kept: RunState | null,
  keeper: RunKeeper,
): Promise<TrainState> {
  const { signal } = controller ?? new AbortController()
  const sites = trainSites(settings, model.sdxl.layout)
  const run = model.sdxl.train(datasetOf(split.trained), {
    ...trainOptions(settings),
    ...{ sites, stateEvery: 1, signal },
    ...(kept === null ? {} : { initial: kept.state }),
  })
  let first: { readonly step: number; readonly at: number } | null = null
  for (;;) {
    const next = await run.next()
    if (next.done === true) return next.value
    const event = next.value
    if (event.kind === "notice") {
      notices.value = [...notices.value, remark(event.text)]
    } else if (event.kind === "cache") {
      trainState.value = { phase: "caching", done: event.done, count: event.count }
    } else {
      first ??= { step: event.step, at: performance.now() }
      const { step } = event
      const seconds = (performance.now() - first.at) / 1000
      losses.value = [...losses.value, event.loss]
      trainState.value = {
        ...{ phase: "training", step },
        secondsPerStep: step === first.step ? null : seconds / (step - first.step),
      }
      await afterStep(model, settings, event, keeper, signal)
    }
  }
}

/** Keeps the run after a step, and draws what is due. A picture is kept with the next state. */
async function afterStep(
  model: TrainingModel,
  settings: TrainSettings,
  { step, state }: TrainRunStep,
  keeper: RunKeeper,
  signal: AbortSignal,
): Promise<void> {
  const { steps, sampleEvery } = settings
  // The arrays of the event change with the next step.
  const now = state === null ? null : structuredClone(state)
  if (now !== null) keeper.take(now)
  await keeper.periodic()
  await drawWithout(model, signal)
  if (now !== null && sampleEvery > 0 && step % sampleEvery === 0 && step !== steps) {
    await drawSample(model, resultOf(settings, now), step, signal)
  }
}

/** Draws the held-out controls without the LLLite, once. */
async function drawWithout(model: TrainingModel, signal: AbortSignal): Promise<void> {
  const { heldOut } = shownRun.value?.split ?? { heldOut: [] }
  if (without.value.length > 0 || sampleProblem.value !== null) return
  await unlessFailed(
    (cause) => sentence("train", "sampleWithoutFailed", cause),
    signal,
    async () => {
      without.value = await drawHeldOut(model, heldOut, null, signal)
    },
  )
}

async function drawSample(model: TrainingModel, lllite: LlliteModel, step: number, signal: AbortSignal): Promise<void> {
  const first = shownRun.value?.split.heldOut[0]
  if (first === undefined) return
  await unlessFailed(
    (cause) => sentence("train", "sampleFailed", step, cause),
    signal,
    async () => {
      const [image] = await drawHeldOut(model, [first], lllite, signal)
      if (image !== undefined) samples.value = [...samples.value, { step, image }]
    },
  )
}

/** Draws the held-out controls with the LLLite, and judges them. Null if it was stopped, failed or says nothing. */
async function judged(model: TrainingModel, { split }: RunPlan, lllite: LlliteModel): Promise<Verdict | null> {
  // A stop of the training does not stop the measuring. A second one does.
  controller = new AbortController()
  const { signal } = controller
  const { step } = trained.value ?? { step: 0 }
  let verdict: Verdict | null = null
  await drawWithout(model, signal)
  await unlessFailed(
    (cause) => sentence("train", "measuringFailed", cause),
    signal,
    async () => {
      const images = await drawHeldOut(model, split.heldOut, lllite, signal)
      const [image] = images
      if (image !== undefined) samples.value = [...samples.value.filter((one) => one.step !== step), { step, image }]
      verdict = judge(split.heldOut, { with: images, without: without.value })
    },
  )
  return verdict
}

/** Neither a stop nor a sample that fails ends the training. After a stop it returns its state. */
async function unlessFailed(
  failed: (cause: Sentence) => Sentence,
  signal: AbortSignal,
  draw: () => Promise<void>,
): Promise<void> {
  try {
    await draw()
  } catch (error) {
    if (!signal.aborted) sampleProblem.value = failed(problemOf(error))
  }
}
