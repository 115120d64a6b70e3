import {
  type ArgumentProblem,
  followsCurve,
  listText,
  type OptimizerChoice,
  optimizerNotices,
  readOptimizerArguments,
} from "@lllite/core/names"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type TrainReader = OptionReader<typeof TRAIN_OPTIONS>

/** A text for each problem of an option that holds arguments of Python's. */
export function argumentTexts(option: string, problems: readonly ArgumentProblem[]): readonly string[] {
  return problems.map(({ part, expected }) => `${option} has "${part}", expected ${expected}`)
}

/** The optimizer of a run, and what has no effect beside it. */
export interface OptimizerPlan {
  readonly optimizer: OptimizerChoice
  /** Whether the learning rate follows its curve. Some optimizers have their own. */
  readonly followsCurve: boolean
  readonly notices: readonly string[]
}

/** Switches of sd-scripts that choose an optimizer. */
const SWITCHES = { use8bitAdam: "adamw8bit", useLionOptimizer: "lion" } as const

/** Reads the optimizer and its arguments. The reader keeps the problems. */
export function readOptimizer({ settings, check, isGiven, nameOf }: TrainReader): OptimizerPlan {
  const switches = (Object.keys(SWITCHES) as (keyof typeof SWITCHES)[]).filter((name) => settings[name])
  const chosen = [...(isGiven("optimizerType") ? ["optimizerType" as const] : []), ...switches]
  check(["optimizerType", "use8bitAdam", "useLionOptimizer"], () =>
    chosen.length > 1
      ? `${listText(chosen.map(nameOf), "and")} exclude each other, expected one of them. Keep ${isGiven("optimizerType") ? nameOf("optimizerType") : "one"}`
      : null,
  )
  const [first] = switches
  const type = first === undefined ? settings.optimizerType : SWITCHES[first]
  const read = readOptimizerArguments(type, settings.optimizerArgs)
  check(["optimizerArgs", "optimizerType"], () =>
    "optimizer" in read ? null : argumentTexts(nameOf("optimizerArgs"), read.problems),
  )
  // Without a problem there is an optimizer. With one, nothing runs.
  if (!("optimizer" in read)) return { optimizer: { name: "adamw" }, followsCurve: true, notices: [] }
  const { optimizer, ignored } = read
  const notices: string[] = []
  if (ignored.length > 0) {
    notices.push(
      `${nameOf("optimizerArgs")}: ${ignored.join(", ")} ${ignored.length === 1 ? "has" : "have"} no effect here.`,
    )
  }
  const names = {
    ...{ optimizer: nameOf("optimizerType"), rate: nameOf("learningRate"), chosen: type },
    relative: ` relative_step=False in ${nameOf("optimizerArgs")} takes the rate.`,
  }
  notices.push(...optimizerNotices(optimizer, settings.learningRate, names))
  return { optimizer, followsCurve: followsCurve(optimizer), notices }
}
