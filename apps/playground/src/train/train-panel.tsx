import type { ControlMeasure } from "@lllite/core/image"
import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { modelFacts } from "../models/model-facts.ts"
import { show, shown } from "../page/app-state.ts"
import { messageOf } from "../page/message.ts"
import type { ReadyModel } from "../page/model.ts"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { SIZE } from "../pictures/canvas-image.ts"
import { downloadTrained } from "./download.ts"
import { KeptRuns } from "./kept-runs.tsx"
import { LossCurve } from "./loss-curve.tsx"
import { type Split, splitPairs } from "./pairs.ts"
import { PairsCard } from "./pairs-card.tsx"
import { duration, planNeed, planText, type RunNeed } from "./plan.ts"
import { listTrained, startTraining, stopTraining } from "./run-training.ts"
import { SamplesCard } from "./samples-card.tsx"
import { SettingsForm } from "./settings-form.tsx"
import { settingsProblem } from "./train-settings.ts"
import {
  controlKind,
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
import { verdictText } from "./verdict.ts"

/** Milliseconds without a change after which a plan is made. */
const PLAN_AFTER = 400

/** The panel that trains a small LLLite on a few pairs and shows its loss and samples. */
export function TrainPanel(): JSX.Element {
  const model = modelState.value
  const { phase } = trainState.value
  const isRunning = phase === "caching" || phase === "training" || phase === "judging"
  const plan = usePlan(isRunning)
  const isRight = settingsProblem(settings.value) === ""
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
        <h2>Training</h2>
        {!modelFacts.value.isSmall && (
          <p class="note">
            Pairs have {SIZE} × {SIZE} pixels here, the size of the tiny SDXL. To train an LLLite for pictures of{" "}
            {modelFacts.value.best.side} pixels, use the command “lllite train”.
          </p>
        )}
        <SettingsForm isLocked={isRunning} />
        {!isRunning && <PlanText plan={plan} />}
        <div class="row actions">
          <button type="submit" class="primary" disabled={!canStart}>
            Train
          </button>
          <button type="button" onClick={stopTraining} disabled={!isRunning}>
            Stop
          </button>
        </div>
        <Progress />
        {notices.value.map((notice) => (
          <p class="note" key={notice}>
            {notice}
          </p>
        ))}
        <div role="status" class="trained-status">
          {trained.value !== null && <p>{resultText(trained.value, phase === "judging")}</p>}
          {trained.value?.verdict != null && <p class="note">{FIGURES[trained.value.verdict.measure]}</p>}
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
  const { steps, batchSize, condDim, mlpDim, sampleEvery } = settings.value
  /** How many pairs there are of each sort. A caption changes no plan. */
  const own = pairs.value.map(({ isMade }) => (isMade ? "m" : "f")).join("")
  const key = [own, steps, batchSize, condDim, mlpDim, sampleEvery].join(" ")
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
  return (
    <p class="plan">
      {plan === null
        ? modelState.value.phase === "ready" && pairs.value.length > 0
          ? "Planning …"
          : ""
        : planText(plan, plan, plan.split, pace.value)}
    </p>
  )
}

/** What the figures of a verdict mean. */
const FIGURES: Readonly<Record<ControlMeasure, string>> = {
  edges: "The figure is edge F1: 1 means that all edges of a picture and its control agree, and 0 that none does.",
  brightness:
    "The figure is the correlation of brightness: 1 means that picture and control are bright in the same places.",
  slopes: "The figure is the correlation of slopes: 1 means that brightness changes in the same places.",
}

/** What a finished run has found, in words. */
function resultText({ step, verdict, isListed }: Trained, isJudging: boolean): string {
  if (isJudging) return `Finished after ${step} steps. Drawing held-out controls to see whether it follows them …`
  if (verdict === null) return `The LLLite of step ${step} was not measured, so it is not chosen under Draw.`
  if (verdict.follows) {
    return `The LLLite is ready after ${step} steps: it ${verdictText(verdict)}.${isListed ? " It is chosen under Draw." : ""}`
  }
  return `The LLLite of step ${step} ${verdictText(verdict)}. It is not ready, and not chosen under Draw. Train more steps, or look at the pairs and the learning rate.`
}

function ResultActions({ model, result }: { readonly model: ReadyModel; readonly result: Trained }): JSX.Element {
  const [problem, setProblem] = useState<string | null>(null)
  const attempt = (work: Promise<void>): void => {
    work.then(
      () => setProblem(null),
      (error: unknown) => setProblem(messageOf(error)),
    )
  }
  return (
    <div class="trained">
      <div class="row">
        <button type="button" onClick={() => attempt(downloadTrained(model))}>
          Download it
        </button>
        <button
          type="button"
          onClick={() => {
            listTrained()
            show("draw")
          }}
        >
          {result.verdict?.follows === true ? "Draw with it" : "Draw with it anyway"}
        </button>
      </div>
      <Problem text={problem} />
    </div>
  )
}

function Progress(): JSX.Element | null {
  const state = trainState.value
  const steps = shownRun.value?.settings.steps ?? 0
  switch (state.phase) {
    case "idle":
      return null
    case "failed":
      return <Problem text={state.message} />
    case "caching":
      return (
        <label class="progress">
          Preparing pair {state.done} of {state.count}
          <progress max={state.count} value={state.done} />
        </label>
      )
    case "training":
      return (
        <label class="progress">
          Step {state.step} of {steps}
          {state.secondsPerStep === null ? "" : `, ${duration((steps - state.step) * state.secondsPerStep)} left`}
          <progress max={steps} value={state.step} />
        </label>
      )
    case "judging":
      return (
        <label class="progress">
          Measuring the LLLite
          <progress />
        </label>
      )
  }
}
