/** The figures of a step that follow from the run alone: the same on every machine, and when the run continues. */
export interface StepFigures {
  readonly loss: number
  readonly learningRate: number
  /** The gradient's norm before clipping. */
  readonly gradientNorm: number
  /** The learning rate times the step size that the optimiser has found. Null for an optimiser that finds none. */
  readonly adaptedRate: number | null
}

const NAMES = ["loss", "learningRate", "gradientNorm", "adaptedRate"] as const satisfies readonly (keyof StepFigures)[]

/** The figures of every step of a run so far, from its first step on. */
export interface StepHistory {
  /** The number of steps. */
  readonly length: number
  /** The losses of all steps, in order. */
  readonly losses: readonly number[]
  add(figures: StepFigures): void
  /** @param index from 0 */
  at(index: number): StepFigures
  /**
   * The mean loss after a step, over the last epoch's worth of steps. It is summed anew each time, so that a run that
   * continues gets the same bits. Source: sd-scripts `LossRecorder`.
   *
   * @param index from 0
   */
  averageLoss(index: number): number
  /** Each figure of all steps, by name, for the state of the run. */
  saved(): ReadonlyMap<string, Float64Array>
}

/** The part of a saved run that its history is read from. */
export interface SavedSteps {
  readonly state: { readonly step: number }
  readonly history: ReadonlyMap<string, Float64Array>
}

/**
 * The history of a run.
 *
 * @param perEpoch steps in an epoch
 * @param before what the state of the run has, if it continues. A state without a figure of each step has no history
 */
export function createStepHistory(perEpoch: number, before: SavedSteps | null = null): StepHistory {
  const isWhole = before !== null && NAMES.every((name) => before.history.get(name)?.length === before.state.step)
  const figures = Object.fromEntries(
    NAMES.map((name) => [name, isWhole ? [...(before.history.get(name) ?? [])] : []]),
  ) as Record<(typeof NAMES)[number], number[]>
  return {
    get length() {
      return figures.loss.length
    },
    losses: figures.loss,
    add(step) {
      for (const name of NAMES) figures[name].push(step[name] ?? Number.NaN)
    },
    at: (index) => ({
      loss: figures.loss[index] ?? Number.NaN,
      learningRate: figures.learningRate[index] ?? Number.NaN,
      gradientNorm: figures.gradientNorm[index] ?? Number.NaN,
      adaptedRate: Number.isNaN(figures.adaptedRate[index]) ? null : (figures.adaptedRate[index] ?? null),
    }),
    averageLoss(index) {
      const window = figures.loss.slice(Math.max(0, index + 1 - perEpoch), index + 1)
      return window.reduce((sum, loss) => sum + loss, 0) / window.length
    },
    saved: () => new Map(NAMES.map((name) => [name, Float64Array.from(figures[name])])),
  }
}
