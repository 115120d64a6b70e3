import { LR_CURVES, type LrCurve, schedulerOfType, TORCH_SCHEDULER_TYPES, TRAIN_RANGES } from "@lllite/core/names"
import type { OptionKind, TakenOption } from "@lllite/runtime-node/options"
import { number, taken } from "@lllite/runtime-node/options"
import { pythonArguments } from "./optimizer.ts"

/** sd-scripts' name for the schedule that Adafactor has itself. A rate may follow it: `adafactor:1e-3`. */
export const ADAFACTOR_SCHEDULE = "adafactor"

/** A curve of the learning rate, or the optimizer's own. */
export function lrScheduler(): TakenOption<LrCurve | typeof ADAFACTOR_SCHEDULE> {
  const names = [...LR_CURVES, ADAFACTOR_SCHEDULE] as const
  const expected = `one of ${names.join(", ")}`
  const kind: OptionKind<(typeof names)[number]> = {
    arity: "one",
    valueName: "name",
    range: names.join(", "),
    empty: LR_CURVES[0],
    read(raw) {
      if (typeof raw === "string" && /^adafactor:[\d.e+-]+$/i.test(raw)) return { value: ADAFACTOR_SCHEDULE }
      const value = names.find((name) => name === raw)
      return value === undefined ? { expected } : { value }
    },
  }
  return taken(kind, { default: LR_CURVES[0], nothing: [""], help: "How the learning rate changes over the run." })
}

/** A scheduler of PyTorch, as the user wrote it. */
export function lrSchedulerType(): TakenOption<string | undefined> {
  const kind: OptionKind<string | undefined> = {
    arity: "one",
    valueName: "name",
    empty: undefined,
    read(raw) {
      if (typeof raw === "string" && schedulerOfType(raw) !== null) return { value: raw }
      return {
        expected: `one of ${TORCH_SCHEDULER_TYPES.join(", ")}. Those of other libraries, of Python functions and of a metric are not here`,
      }
    },
  }
  return taken(kind, {
    nothing: [""],
    help: `Scheduler of PyTorch, which replaces lr_scheduler and takes its arguments from lr_scheduler_args. Values: ${TORCH_SCHEDULER_TYPES.join(", ")}.`,
  })
}

/** Arguments of a scheduler as sd-scripts takes them. They are read with its name. */
export function lrSchedulerArgs(): TakenOption<readonly string[]> {
  return pythonArguments({
    otherwise: "the scheduler's own",
    help: "Arguments of lr_scheduler_type or lr_scheduler, by their names in Python: T_max=1000 eta_min=1e-6, or step_rules=1:100,0.1:200,0.01 for piecewise_constant.",
  })
}

/** The learning rate of one part of each adapter. @param what names the part */
export function partRate(what: string): TakenOption<number | undefined> {
  return number({
    ...TRAIN_RANGES.learningRate,
    otherwise: "learning_rate",
    help: `Learning rate of ${what}. It moves as learning_rate does. 0 keeps the part as it is.`,
  })
}
