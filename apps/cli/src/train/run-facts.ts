import { createHash } from "node:crypto"
import { basename } from "node:path"
import type { CaptionRules } from "@lllite/core/training"
import type { FolderDataset } from "@lllite/runtime-node"
import type { TrainSettings } from "./settings.ts"
import type { StepPlan } from "./step-plan.ts"
import { heldOutBy } from "./validation/hold-out.ts"

/** Settings that a run follows from, beside its data set and its checkpoint. */
const SETTINGS = [
  ...[
    "seed",
    "learningRate",
    "maxGradNorm",
    "siteLimit",
    "gradientAccumulationSteps",
    "networkDropout",
    "captionChunks",
    "weightedCaptions",
    "batchParts",
    "partPrecision",
  ],
  ...["minTimestep", "maxTimestep", "lossType", "huber", "lossWeights", "noise", "zeroTerminalSnr", "strengthRange"],
  ...["optimizer", "lr", "partRates", "ema", "vParameterization", "compat"],
] as const satisfies readonly (keyof TrainSettings)[]

/**
 * What a run follows from, as text by name. Of the checkpoint it is the name, and of pictures the number, the sizes and
 * their order. A run that continues with the same facts and the same contents of files ends as one that never stopped.
 */
export function runFacts(
  settings: TrainSettings,
  {
    sizes,
    batchSize,
    groups,
    augmentations,
    captionRules,
  }: Pick<FolderDataset, "sizes" | "batchSize" | "groups" | "augmentations" | "captionRules">,
  { steps, lr }: StepPlan,
): ReadonlyMap<string, string> {
  const order = createHash("sha256").update(JSON.stringify(sizes.map(exampleFact)))
  return new Map([
    ...SETTINGS.map((name) => [name, text(settings[name])] as const),
    // The folder may be another one, on another machine.
    ["checkpoint", basename(settings.model.checkpoint)],
    ["batchSize", String(batchSize)],
    ["heldOut", heldOutBy({ groups }, settings.validation.seed)],
    ["augmentation", augmentations],
    ["examples", `${sizes.length}, ${order.digest("hex").slice(0, 16)}`],
    ["captionRules", JSON.stringify(captionRules)],
    ["steps", isOfAnyLength(lr) && !captionRules.some(hasShareOfRun) ? ANY_LENGTH : String(steps)],
  ])
}

/** What the order of batches follows from. */
function exampleFact({ width, height, batchSize }: FolderDataset["sizes"][number]): readonly number[] {
  return batchSize === undefined ? [width, height] : [width, height, batchSize]
}

/** The length of a run whose steps do not depend on it. */
const ANY_LENGTH = "any"

/** What users call facts that are more than one option. Others have the name of their option. */
const LABELS: Readonly<Record<string, string>> = {
  augmentation: "augmentation",
  batchSize: "train_batch_size",
  captionChunks: "max_token_length, in chunks of 75",
  captionRules: "choice of options for captions",
  ema: "average (ema)",
  examples: "list of pictures",
  heldOut: "choice of held-out pairs",
  huber: "Huber schedule",
  lossWeights: "weighting of the loss",
  lr: "schedule of the learning rate (lr_scheduler)",
  noise: "noise",
  partRates: "choice of learning rates for parts",
  steps: "number of steps",
  strengthRange: "range of strengths",
}

/** The facts in which two runs differ, one sentence each. */
export function factNotices(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): readonly string[] {
  const differing = [...now].filter(([name, value]) => before.has(name) && before.get(name) !== value)
  return differing.flatMap(([name, value]) => {
    const former = before.get(name)
    // What has changed this is said by itself.
    if (name === "steps" && (value === ANY_LENGTH || former === ANY_LENGTH)) return []
    const label = LABELS[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    return [
      `The run before had another ${label}: ${former}. It goes on with ${value}, and not as if it had never stopped.`,
    ]
  })
}

function text(value: TrainSettings[(typeof SETTINGS)[number]]): string {
  // A seed above 2^53 is a bigint.
  return typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? "none")
}

/** Whether the rate of a step does not depend on the length of the run. */
function isOfAnyLength(lr: StepPlan["lr"]): boolean {
  return "scheduler" in lr || lr.curve === "constant" || lr.curve === "piecewise_constant"
}

/** Whether captions warm up over a share of the run. */
function hasShareOfRun({ warmupSteps = 0 }: CaptionRules): boolean {
  return warmupSteps > 0 && warmupSteps < 1
}
