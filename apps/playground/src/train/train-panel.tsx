import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { show } from "../page/app-state.ts"
import { NumberField, SeedField } from "../page/fields.tsx"
import type { ReadyModel } from "../page/model.ts"
import { messageOf, modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { readPicture, SIZE } from "../pictures/canvas-image.ts"
import { FileButton, FileDrop } from "../pictures/file-drop.tsx"
import { Picture } from "../pictures/picture.tsx"
import { changeNotices, type PictureChange } from "../pictures/picture-changes.ts"
import { LossCurve } from "./loss-curve.tsx"
import { captionOfFile, drawPairs, pairOf } from "./pairs.ts"
import {
  downloadTrained,
  losses,
  notices,
  pairs,
  plannedSteps,
  SAMPLE_EVERY,
  sampleCaption,
  sampleControl,
  sampleProblem,
  samples,
  settings,
  startTraining,
  stopTraining,
  trained,
  trainState,
} from "./train-state.ts"

/** The panel that trains a small LLLite on a few pairs and shows its loss and samples. */
export function TrainPanel(): JSX.Element {
  const model = modelState.value
  const { phase } = trainState.value
  const isRunning = phase === "caching" || phase === "training"
  const canStart = model.phase === "ready" && !isRunning && pairs.value.length > 0
  const { steps, batchSize, seed } = settings.value
  return (
    <form
      class="train"
      onSubmit={(event) => {
        event.preventDefault()
        if (canStart) void startTraining(model)
      }}
    >
      <div class="card">
        <h2>Pairs</h2>
        <p class="note">
          An LLLite learns from pairs of a picture and a control. Here each control shows the edges of its picture. Add
          your own pictures, or drop them here. Their captions come from their file names.
        </p>
        <Pairs isLocked={isRunning} />
      </div>
      <div class="card">
        <h2>Training</h2>
        <div class="settings">
          <NumberField
            label="Steps"
            value={steps}
            min={1}
            max={2000}
            disabled={isRunning}
            onValue={(steps) => {
              settings.value = { ...settings.value, steps }
            }}
          />
          <NumberField
            label="Pairs in a step"
            value={batchSize}
            min={1}
            max={32}
            disabled={isRunning}
            onValue={(batchSize) => {
              settings.value = { ...settings.value, batchSize }
            }}
          />
          <SeedField
            label="Seed"
            value={seed}
            disabled={isRunning}
            onValue={(seed) => {
              settings.value = { ...settings.value, seed }
            }}
          />
        </div>
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
        <LossCurve losses={losses.value} total={plannedSteps.value} />
        {model.phase === "ready" && trained.value !== null && <Trained model={model} />}
      </div>
      <div class="card">
        <h2>Samples</h2>
        <p class="note">
          The prompt is “{sampleCaption}”. The first sample is without an LLLite. After every {SAMPLE_EVERY} steps, a
          sample with the LLLite follows. Its edges are not among the pairs.
        </p>
        <Problem text={sampleProblem.value} />
        <ul class="samples">
          <li>
            <Picture image={sampleControl} label="Edges that steer the samples" />
            <span>edges</span>
          </li>
          {samples.value.map(({ step, image }) => (
            <li key={step}>
              <Picture image={image} label={step === 0 ? "Sample without an LLLite" : `Sample after ${step} steps`} />
              <span>{step === 0 ? "without" : `step ${step}`}</span>
            </li>
          ))}
        </ul>
      </div>
    </form>
  )
}

function Trained({ model }: { readonly model: ReadyModel }): JSX.Element {
  const [problem, setProblem] = useState<string | null>(null)
  return (
    <div class="trained">
      <p role="status">The LLLite is ready after {trained.value?.step} steps. It is chosen under Steer.</p>
      <div class="row">
        <button
          type="button"
          onClick={() => {
            downloadTrained(model).catch((error: unknown) => setProblem(messageOf(error)))
          }}
        >
          Download it
        </button>
        <button type="button" onClick={() => show("steer")}>
          Steer with it
        </button>
      </div>
      <Problem text={problem} />
    </div>
  )
}

function Progress(): JSX.Element | null {
  const state = trainState.value
  const steps = plannedSteps.value
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
          {state.secondsPerStep === null ? "" : `, ${remaining((steps - state.step) * state.secondsPerStep)} left`}
          <progress max={steps} value={state.step} />
        </label>
      )
  }
}

function remaining(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`
}

function Pairs({ isLocked }: { readonly isLocked: boolean }): JSX.Element {
  const [problem, setProblem] = useState<string | null>(null)
  const isEmpty = pairs.value.length === 0
  const [changed, setChanged] = useState<readonly string[]>([])
  const add = async (files: readonly File[]): Promise<void> => {
    const problems: string[] = []
    const read: { readonly name: string; readonly changes: readonly PictureChange[] }[] = []
    for (const file of files) {
      try {
        const { image, changes } = await readPicture(file, SIZE)
        pairs.value = [...pairs.value, pairOf(file.name, image, captionOfFile(file.name))]
        read.push({ name: file.name, changes })
      } catch (error) {
        problems.push(messageOf(error))
      }
    }
    setProblem(problems.length === 0 ? null : problems.join(" "))
    setChanged(changeNotices(read))
  }
  return (
    <FileDrop disabled={isLocked} onFiles={(files) => void add(files)}>
      <ul class="pairs" hidden={isEmpty}>
        {pairs.value.map((pair, index) => (
          <li key={index}>
            <Picture image={pair.image} label={pair.name} />
            <Picture image={pair.control} label={`Edges of ${pair.name}`} />
            <input
              type="text"
              aria-label={`Caption of ${pair.name}`}
              value={pair.caption}
              maxLength={400}
              disabled={isLocked}
              onInput={(event) => {
                const caption = event.currentTarget.value
                pairs.value = pairs.value.map((other, i) => (i === index ? { ...other, caption } : other))
              }}
            />
            <button
              type="button"
              class="remove"
              aria-label={`Remove ${pair.name}`}
              disabled={isLocked}
              onClick={() => {
                pairs.value = pairs.value.filter((_, i) => i !== index)
              }}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {isEmpty && <p class="placeholder">There are no pairs. Draw some, or add pictures.</p>}
      <div class="row">
        <button
          type="button"
          disabled={isLocked}
          onClick={() => {
            pairs.value = drawPairs(16)
          }}
        >
          Draw 16 pairs
        </button>
        <button
          type="button"
          disabled={isLocked || isEmpty}
          onClick={() => {
            pairs.value = []
          }}
        >
          Remove all
        </button>
        <FileButton
          label="Add pictures"
          accept="image/*"
          multiple
          disabled={isLocked}
          onFiles={(files) => void add(files)}
        />
      </div>
      <Problem text={problem} />
      {changed.map((notice) => (
        <p class="note" role="status" key={notice}>
          {notice}
        </p>
      ))}
    </FileDrop>
  )
}
