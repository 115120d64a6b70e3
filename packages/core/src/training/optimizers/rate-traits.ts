import { checkArgument, checkArguments } from "../../argument.ts"
import { ADAFACTOR } from "./factored/adafactor.ts"
import type { OptimizerChoice } from "./index.ts"

/*
 * How optimisers use the learning rate. Nothing here loads tfjs.
 */

/** Rates below this are usually meant for other optimisers. Source: sd-scripts `train_util.get_optimizer`. */
const LEAST_FACTOR = 0.1

/** Whether the learning rate has no effect: the steps of Adafactor follow from their number. */
export function hasOwnRate(optimizer: OptimizerChoice): boolean {
  checkArgument("optimizer", optimizer, "an object")
  checkArgument("optimizer: name", optimizer.name, "text")
  return optimizer.name === "adafactor" && (optimizer.relativeStep ?? ADAFACTOR.options.relativeStep.default)
}

/** Whether the learning rate follows its curve. Some optimisers have a schedule of their own. */
export function followsCurve(optimizer: OptimizerChoice): boolean {
  checkArgument("optimizer", optimizer, "an object")
  checkArgument("optimizer: name", optimizer.name, "text")
  return !hasOwnRate(optimizer) && !String(optimizer.name).endsWith("schedulefree")
}

/**
 * What users of an optimiser may not expect, one sentence each.
 *
 * @param names the words of the option that chooses the optimiser, and of the one that is the learning rate
 * @param chosen the optimiser as the user wrote it
 */
export function optimizerNotices(
  optimizer: OptimizerChoice,
  learningRate: number,
  names: { readonly optimizer: string; readonly rate: string; readonly chosen: string; readonly relative: string },
): readonly string[] {
  checkArgument("optimizer", optimizer, "an object")
  checkArgument("optimizer: name", optimizer.name, "text")
  checkArgument("optimizer: the learning rate", learningRate, "a finite number")
  checkArgument("optimizer: the names of options", names, "an object")
  checkArguments("optimizer", "text", { ...names })
  const { name } = optimizer
  const notices: string[] = []
  if (name.endsWith("8bit")) {
    notices.push(
      `${names.optimizer} is ${names.chosen}, which keeps 8 bits of its means. AdamW keeps 32, and an LLLite is small.`,
    )
  }
  if (hasOwnRate(optimizer)) {
    notices.push(`${names.rate} has no effect: the steps of adafactor follow from their number.${names.relative}`)
  }
  const findsRate = name === "prodigy" || name.startsWith("dadapt")
  if (findsRate && learningRate <= LEAST_FACTOR) {
    notices.push(
      `${names.rate} is ${learningRate}. ${name} finds the size of its steps and multiplies it with the rate, which is usually 1.`,
    )
  }
  return notices
}

/** The notice about an option of the learning rate's curve, where the optimiser has its own schedule. */
export function ownScheduleNotice(option: string, optimizer: Pick<OptimizerChoice, "name">): string {
  checkArgument("optimizer", optimizer, "an object")
  checkArgument("optimizer: name", optimizer.name, "text")
  checkArgument("optimizer: the option", option, "text")
  const { name } = optimizer
  return `${option} has no effect: ${name} has its own schedule.`
}
