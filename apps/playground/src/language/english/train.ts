import { type OptimizerChoice, optimizerNotices } from "@lllite/core/names"
import { about, counted } from "./counted.ts"

/** Words of the panel Train: pairs, settings, the run, and what it found. */
export const train = {
  // pairs
  pairs: "Pairs",
  pairsNote:
    "An LLLite learns from pairs of a picture and a control. Drop a folder or pictures here. A caption is a .txt file with the name of its picture. Controls have that name in a folder “conditioning”. Without one, they are made of the pictures.",
  noPairs: "There are no pairs. Add drawings, pictures or a folder.",
  drawingNumbered: (number: number): string => `drawing ${number}`,
  controlOf: (name: string): string => `Control of ${name}`,
  captionOf: (name: string): string => `Caption of ${name}`,
  firstShown: (shown: number, count: number): string =>
    `The first ${shown} of ${counted(count, "pair")} are shown. All are trained.`,
  addDrawings: (count: number): string => `Add ${count} drawings`,
  addPictures: "Add pictures",
  addFolder: "Add a folder",
  removeDrawings: (count: number): string => `Remove ${counted(count, "drawing")}`,
  removeAll: "Remove all",
  pairsRemoved: (count: number): string => `${counted(count, "pair")} removed.`,
  pairsAddedLate: (count: number): string =>
    `${counted(count, "pair")} added. The training that runs does not use ${count === 1 ? "it" : "them"}.`,
  controlsMadeBy: "Controls made by",
  readingPair: (number: number, count: number): string => `Reading ${number} of ${count}`,
  mixed: (names: readonly string[], kind: string): string =>
    about(
      names,
      "pairs",
      (subject, isOne) =>
        `${subject} ${isOne ? "has a control" : "have controls"} of ${kind}, made here, beside pairs with controls from files. Remove ${isOne ? "it" : "them"} if the controls are of another kind.`,
    ),
  // settings
  title: "Training",
  sizeNote: (side: number, best: number): string =>
    `Pairs have ${side} × ${side} pixels here, the size of the tiny SDXL. To train an LLLite for pictures of ${best} pixels, use the command “lllite train”.`,
  optimizer: "Optimiser",
  schedule: "Schedule",
  pieces: "Pieces: factor:step, …, factor",
  /** @param english what core expects of them */
  piecesExpected: (english: string): string => english,
  seed: "Seed",
  moreSettings: "More settings",
  strengths: "Strengths",
  strengthsOf: { range: "0 to 1, by degrees", one: "1 alone, as in sd-scripts" },
  init: "Start of the control's embedding",
  numbers: {
    steps: "Steps",
    batchSize: "Pairs in a step",
    learningRate: "Learning rate",
    condDim: "Width of the control's embedding",
    mlpDim: "Width of the adapters",
    dropout: "Dropout",
    minSnrGamma: "Min-SNR gamma",
    minTimestep: "Lowest timestep",
    maxTimestep: "Highest timestep",
    warmupSteps: "Steps of warm-up",
    decaySteps: "Steps of the fall at the end",
    cycles: "Cycles",
    power: "Exponent",
    timescale: "Steps before the fall",
    minRatio: "Lowest rate, as a share",
    endRate: "Rate at the end",
    sampleEvery: "Steps between samples",
  },
  hints: {
    dropout: "0 leaves out nothing",
    minSnrGamma: "0 weighs all noise alike, 5 is usual",
    sampleEvery: "0 draws none before the end",
  },
  /** What users of an optimiser may not expect, one sentence each. */
  optimizerNotes: (optimizer: OptimizerChoice, rate: number): readonly string[] => {
    const names = { optimizer: "Optimiser", rate: "Learning rate", chosen: optimizer.name, relative: "" }
    return optimizerNotices(optimizer, rate, names)
  },
  /** Why there is no field for the schedule. */
  ownSchedule: ({ name }: OptimizerChoice): string => `${name} has its own schedule.`,
  /** Why there is no field for the learning rate, either. */
  ownRate: ({ name }: OptimizerChoice): string => `${name} has its own learning rate and schedule.`,
  // the plan
  planning: "Planning …",
  plan: ({ pairs, heldOut, steps, seconds, mebibytes, fits }: PlanWords): string => {
    const held = heldOut === 0 ? "" : ` and ${heldOut} held out`
    const memory = `${mebibytes.toLocaleString("en")} MiB of memory`
    const sentence = `${counted(pairs, "pair")}${held}, ${counted(steps, "step")}, about ${duration(seconds)}, ${memory}.`
    return fits
      ? sentence
      : `${sentence} That does not fit: WebAssembly has 4,096 MiB. Choose fewer pairs in a step, or smaller widths.`
  },
  train: "Train",
  stop: "Stop",
  // the run
  preparing: (done: number, count: number): string => `Preparing pair ${done} of ${count}`,
  step: (step: number, steps: number, secondsLeft: number | null): string =>
    `Step ${step} of ${steps}${secondsLeft === null ? "" : `, ${duration(secondsLeft)} left`}`,
  measuring: "Measuring the LLLite",
  lossPlaceholder: "The loss appears here, step by step.",
  lossLabel: (steps: number, loss: string): string => `Loss over ${counted(steps, "step")}, now ${loss}`,
  stepNumbered: (step: number): string => `step ${step}`,
  lossCaption: (window: number, step: number, loss: string): string =>
    `Loss of each step, and the mean of the last ${window}. After step ${step} it is ${loss}.`,
  keptRunUnreadable: "the kept run cannot be read. Discard it, and train again.",
  runLostOnReload: (cause: string): string => `A reload loses this run: ${cause}.`,
  runNotKept: (cause: string): string => `The run is not kept any more: ${cause}. A reload loses it.`,
  otherTab: "another tab continues this run. Go on there.",
  sampleWithoutFailed: (cause: string): string => `The sample without the LLLite failed: ${cause}`,
  sampleFailed: (step: number, cause: string): string => `The sample of step ${step} failed: ${cause}`,
  measuringFailed: (cause: string): string => `The measuring failed: ${cause}`,
  // samples
  samples: "Samples",
  samplesPlaceholder: "Here a held-out control is drawn without and with the LLLite, side by side.",
  samplePrompt: (prompt: string): string => `The prompt is “${prompt}”.`,
  sampleTrained: "Its control is among the pairs, because they are few. A picture of it says little.",
  sampleHeldOut: "Its control is not trained on.",
  sampleControl: "Control that steers the samples",
  control: "control",
  sampleWithout: "Sample without an LLLite",
  without: "without",
  sampleAfter: (step: number): string => `Sample after ${counted(step, "step")}`,
  withStep: (step: number): string => `with, step ${step}`,
  earlierSamples: "Earlier samples",
  // the result
  judging: (step: number): string =>
    `Finished after ${counted(step, "step")}. Drawing held-out controls to see whether it follows them …`,
  notMeasured: (step: number, isListed: boolean): string =>
    `The LLLite of step ${step} was not measured${isListed ? ". You draw with it anyway." : ", so it is not chosen under Draw."}`,
  follows: (step: number, verdict: VerdictWords, isListed: boolean): string =>
    `The LLLite is ready after ${counted(step, "step")}: it follows ${scores(verdict)}.${isListed ? " It is chosen under Draw." : ""}`,
  doesNotFollow: (step: number, verdict: VerdictWords, isListed: boolean): string =>
    `The LLLite of step ${step} does not follow ${scores(verdict)}. It is not ready${isListed ? ". You draw with it anyway." : ", and not chosen under Draw."} Train more steps, or look at the pairs and the learning rate.`,
  figures: {
    edges: "The figure is edge F1: 1 means that all edges of a picture and its control agree, and 0 that none does.",
    brightness:
      "The figure is the correlation of brightness: 1 means that picture and control are bright in the same places.",
    slopes: "The figure is the correlation of slopes: 1 means that brightness changes in the same places.",
  },
  download: "Download it",
  drawWith: "Draw with it",
  drawWithAnyway: "Draw with it anyway",
  // kept runs
  keptRuns: "Kept runs",
  keptRun: (pairs: number, step: number, steps: number): string =>
    `${counted(pairs, "pair")}, ${step === steps ? `all ${counted(steps, "step")}` : `step ${step} of ${steps}`},`,
  open: "Open",
  resume: "Resume",
  discard: "Discard",
  runDiscarded: "The run is discarded.",
}

/** What a run takes. */
export interface PlanWords {
  readonly pairs: number
  /** Pairs of the user that are not trained on. */
  readonly heldOut: number
  readonly steps: number
  readonly seconds: number
  readonly mebibytes: number
  readonly fits: boolean
}

/** How well an LLLite follows. */
export interface VerdictWords {
  readonly measure: "edges" | "brightness" | "slopes"
  readonly with: number
  readonly without: number
}

/** "edges 0.98, without 0.20" */
function scores({ measure, with: score, without }: VerdictWords): string {
  return `${measure} ${score.toFixed(2)}, without ${without.toFixed(2)}`
}

/** A time in words that does not say more than is known: "40 seconds", "2 minutes", "3.5 hours". */
export function duration(seconds: number): string {
  if (seconds < 1) return "a second"
  if (seconds < 90) return counted(seconds < 10 ? Math.ceil(seconds) : 5 * Math.ceil(seconds / 5), "second")
  if (seconds < 90 * 60) return counted(Math.round(seconds / 60), "minute")
  return `${(seconds / 3600).toLocaleString("en", { maximumSignificantDigits: 2 })} hours`
}
