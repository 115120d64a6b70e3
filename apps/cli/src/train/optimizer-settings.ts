import { OPTIMIZERS, type OptimizerChoice, readOptimizerArguments } from "@lllite/core/names"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type TrainReader = OptionReader<typeof TRAIN_OPTIONS>

/** The optimizer of a run, and what has no effect beside it. */
export interface OptimizerPlan {
  readonly optimizer: OptimizerChoice
  /** Whether the learning rate follows its curve. Some optimizers have their own. */
  readonly followsCurve: boolean
  readonly notices: readonly string[]
}

/** Switches of sd-scripts that choose an optimizer. */
const SWITCHES = { use8bitAdam: "adamw8bit", useLionOptimizer: "lion" } as const

/** Rates below this are usually meant for other optimizers. Source: sd-scripts `train_util.get_optimizer`. */
const LEAST_FACTOR = 0.1

/** Reads the optimizer and its arguments. The reader keeps the problems. */
export function readOptimizer({ settings, check, isGiven, nameOf }: TrainReader): OptimizerPlan {
  const switches = (Object.keys(SWITCHES) as (keyof typeof SWITCHES)[]).filter((name) => settings[name])
  const chosen = [...(isGiven("optimizerType") ? ["optimizerType" as const] : []), ...switches]
  check(["optimizerType", "use8bitAdam", "useLionOptimizer"], () =>
    chosen.length > 1
      ? `${chosen.map(nameOf).join(" and ")} exclude each other, expected one of them. Keep ${nameOf("optimizerType")}`
      : null,
  )
  const [first] = switches
  const type = first === undefined ? settings.optimizerType : SWITCHES[first]
  const read = readOptimizerArguments(type, settings.optimizerArgs)
  check(["optimizerArgs", "optimizerType"], () =>
    "optimizer" in read ? null : `${nameOf("optimizerArgs")} has "${read.part}", expected ${read.expected}`,
  )
  // Without a problem there is an optimizer. With one, nothing runs.
  if (!("optimizer" in read)) return { optimizer: { name: "adamw" }, followsCurve: true, notices: [] }
  const { optimizer, ignored } = read
  const isRelative =
    optimizer.name === "adafactor" && (optimizer.relativeStep ?? OPTIMIZERS.adafactor.options.relativeStep.default)
  const followsCurve = !isRelative && !optimizer.name.endsWith("schedulefree")
  const notices: string[] = []
  if (ignored.length > 0) {
    notices.push(
      `${nameOf("optimizerArgs")}: ${ignored.join(", ")} ${ignored.length === 1 ? "has" : "have"} no effect here.`,
    )
  }
  if (optimizer.name.endsWith("8bit")) {
    notices.push(
      `${nameOf("optimizerType")} is ${type}, which keeps 8 bits of its means. AdamW keeps 32, and an LLLite is small.`,
    )
  }
  if (isRelative) {
    notices.push(
      `${nameOf("learningRate")} has no effect: the steps of adafactor follow from their number. relative_step=False in ${nameOf("optimizerArgs")} takes the rate.`,
    )
  }
  const findsRate = optimizer.name === "prodigy" || optimizer.name.startsWith("dadapt")
  if (findsRate && settings.learningRate <= LEAST_FACTOR) {
    notices.push(
      `${nameOf("learningRate")} is ${settings.learningRate}. ${optimizer.name} finds the size of its steps and multiplies it with the rate, which is usually 1.`,
    )
  }
  return { optimizer, followsCurve, notices }
}
