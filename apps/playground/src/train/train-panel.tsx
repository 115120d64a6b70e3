import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Notes, Said } from "../language/said.tsx"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { modelFacts } from "../models/model-facts.ts"
import { show, shown } from "../page/app-state.ts"
import type { ReadyModel } from "../page/model.ts"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { SIZE } from "../pictures/canvas-image.ts"
import { downloadTrained } from "./download.ts"
import { KeptRuns } from "./kept-runs.tsx"
import { LossCurve } from "./loss-curve.tsx"
import { type Split, splitPairs } from "./pairs.ts"
import { PairsCard } from "./pairs-card.tsx"
import { planNeed, planText, type RunNeed } from "./plan.ts"
import { listTrained, startTraining, stopTraining } from "./run-training.ts"
import { SamplesCard } from "./samples-card.tsx"
import { SettingsForm } from "./settings-form.tsx"
import { settingsProblem } from "./train-settings.ts"
import {
  controlKind,
  isTraining,
  losses,
  notices,
  pace,
  pairs,
  settings,
  shownRun,
  type Trained,
  trained,
  trainState,
} from "./train-state.ts"

/** Milliseconds without a change after which a plan is made. */
const PLAN_AFTER = 400

/** The panel that trains a small LLLite on a few pairs and shows its loss and samples. */
export function TrainPanel(): JSX.Element {
  const model = modelState.value
  const { phase } = trainState.value
  const words = messages.value.train
  const isRunning = isTraining.value
  const plan = usePlan(isRunning)
  const isRight = settingsProblem(settings.value) === null
  const canStart = model.phase === "ready" && !isRunning && pairs.value.length > 0 && isRight && plan?.fits !== false
  return (
    <form
      class="train"
      onSubmit={(event) => {
        event.preventDefault()
        if (canStart) void startTraining(model)
      }}
    >
      <KeptRuns isLocked={isRunning} />
      <PairsCard isLocked={isRunning} />
      <div class="card">
        <h2>{words.title}</h2>
        {!modelFacts.value.isSmall && <p class="note">{words.sizeNote(SIZE, modelFacts.value.best.side)}</p>}
        <SettingsForm isLocked={isRunning} />
        {!isRunning && <PlanText plan={plan} />}
        <div class="row actions">
          <button type="submit" class="primary" disabled={!canStart}>
            {words.train}
          </button>
          <button type="button" onClick={stopTraining} disabled={!isRunning}>
            {words.stop}
          </button>
        </div>
        <Progress />
        <Notes of={notices.value} />
        <div role="status" class="trained-status">
          {trained.value !== null && (
            <p>
              <Said of={resultText(trained.value, phase === "judging")} />
            </p>
          )}
          {trained.value?.verdict != null && <p class="note">{words.figures[trained.value.verdict.measure]}</p>}
        </div>
        {model.phase === "ready" && trained.value !== null && <ResultActions model={model} result={trained.value} />}
        <LossCurve losses={losses.value} total={shownRun.value?.settings.steps ?? settings.value.steps} />
      </div>
      <SamplesCard />
    </form>
  )
}

interface Planned extends RunNeed {
  /** What the plan is of. */
  readonly key: string
  readonly split: Split
  readonly steps: number
}

/** The need of the next run. Null until it is known. It is made when the panel is seen, and nothing runs. */
function usePlan(isRunning: boolean): Planned | null {
  const [plan, setPlan] = useState<Planned | null>(null)
  const model = modelState.value
  const isSeen = shown.value === "train"
  const { steps, batchSize, condDim, mlpDim, sampleEvery, strengths } = settings.value
  /** How many pairs there are of each sort. A caption changes no plan. */
  const own = pairs.value.map(({ isMade }) => (isMade ? "m" : "f")).join("")
  const key = [own, steps, batchSize, condDim, mlpDim, sampleEvery, strengths].join(" ")
  useEffect(() => {
    if (model.phase !== "ready" || !isSeen || isRunning || pairs.value.length === 0) return
    let isOver = false
    const timer = setTimeout(async () => {
      const split = splitPairs(pairs.value, controlKind.value)
      const need = await planNeed(model, settings.value, split).catch(() => null)
      if (!isOver) setPlan(need === null ? null : { ...need, key, split, steps })
    }, PLAN_AFTER)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [model.phase, isSeen, isRunning, key])
  useEffect(() => {
    const { value } = trainState
    if (plan === null || plan.key !== key || value.phase !== "training" || value.secondsPerStep === null) return
    pace.value = Math.max(0.01, (value.secondsPerStep * plan.steps) / plan.seconds)
  }, [trainState.value])
  // A plan of other settings would be wrong.
  return plan?.key === key ? plan : null
}

function PlanText({ plan }: { readonly plan: Planned | null }): JSX.Element {
  const isPlanning = modelState.value.phase === "ready" && pairs.value.length > 0
  return (
    <p class="plan">
      {plan !== null ? (
        <Said of={planText(plan, plan, plan.split, pace.value)} />
      ) : isPlanning ? (
        messages.value.train.planning
      ) : (
        ""
      )}
    </p>
  )
}

/** What a finished run has found. */
function resultText({ step, verdict, isListed }: Trained, isJudging: boolean): Sentence {
  if (isJudging) return sentence("train", "judging", step)
  if (verdict === null) return sentence("train", "notMeasured", step, isListed)
  return verdict.follows
    ? sentence("train", "follows", step, verdict, isListed)
    : sentence("train", "doesNotFollow", step, verdict, isListed)
}

function ResultActions({ model, result }: { readonly model: ReadyModel; readonly result: Trained }): JSX.Element {
  const [problem, setProblem] = useState<Sentence | null>(null)
  const words = messages.value.train
  const attempt = (work: Promise<void>): void => {
    work.then(
      () => setProblem(null),
      (error: unknown) => setProblem(problemOf(error)),
    )
  }
  return (
    <div class="trained">
      <div class="row">
        <button type="button" onClick={() => attempt(downloadTrained(model))}>
          {words.download}
        </button>
        <button
          type="button"
          onClick={() => {
            attempt(listTrained(model))
            show("draw")
          }}
        >
          {result.verdict?.follows === true ? words.drawWith : words.drawWithAnyway}
        </button>
      </div>
      <Problem of={problem} />
    </div>
  )
}

function Progress(): JSX.Element | null {
  const state = trainState.value
  const steps = shownRun.value?.settings.steps ?? 0
  const words = messages.value.train
  switch (state.phase) {
    case "idle":
      return null
    case "failed":
      return <Problem of={state.problem} />
    case "caching":
      return (
        <label class="progress">
          {words.preparing(state.done, state.count)}
          <progress max={state.count} value={state.done} />
        </label>
      )
    case "training":
      return (
        <label class="progress">
          {words.step(
            state.step,
            steps,
            state.secondsPerStep === null ? null : (steps - state.step) * state.secondsPerStep,
          )}
          <progress max={steps} value={state.step} />
        </label>
      )
    case "judging":
      return (
        <label class="progress">
          {words.measuring}
          <progress />
        </label>
      )
  }
}
