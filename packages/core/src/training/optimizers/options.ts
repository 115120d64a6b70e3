import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { NumberOption, NumberRange } from "../../number-range.ts"
import { checkRanges } from "../../number-range.ts"

/** An option of an optimiser: a number with a range, a number or null, or a switch. */
export type OptimizerOption = NumberOption | (NumberRange & { readonly default: null }) | { readonly default: boolean }

/** The options of an optimiser by name, with their ranges and defaults. */
export type OptimizerOptions = Readonly<Record<string, OptimizerOption>>

/** The value that an option takes. */
type OptionValue<P extends OptimizerOption> = P extends { readonly default: boolean }
  ? boolean
  : P extends { readonly default: null }
    ? number | null
    : number

/** A value for each option. */
export type OptimizerSettings<O extends OptimizerOptions> = { readonly [K in keyof O]: OptionValue<O[K]> }

/**
 * A value for each option: those of `values`, and defaults for the rest.
 *
 * @throws CoreError for an option that there is not, a number out of its range, or a value of another type
 */
export function settingsOf<O extends OptimizerOptions>(
  rule: { readonly name: string; readonly options: O },
  values: Readonly<Record<string, unknown>>,
): OptimizerSettings<O> {
  checkArgument("optimizer: the rule", rule, "an object")
  checkArgument("optimizer: the options of the rule", rule.options, "an object")
  checkArgument("optimizer: the options", values, "an object")
  const { name, options } = rule
  const place = `optimizer "${name}"`
  for (const option of Object.keys(values)) {
    if (Object.hasOwn(options, option)) continue
    const known = Object.keys(options)
    const there = known.length === 0 ? "It has no options." : `There are: ${known.join(", ")}.`
    throw new CoreError("option-unknown", `${place}: no option "${option}". ${there}`)
  }
  const ranges: Record<string, NumberRange> = {}
  for (const [option, { default: usual, ...range }] of Object.entries(options)) {
    const value = values[option]
    if (typeof usual === "boolean") {
      if (value === undefined || typeof value === "boolean") continue
      throw new CoreError("option-range", `${place}: ${option} is ${String(value)}, expected true or false`)
    }
    if (usual !== null || value !== null) ranges[option] = range
  }
  checkRanges(place, values, ranges)
  const settings = Object.entries(options).map(([option, { default: usual }]) => [option, values[option] ?? usual])
  return Object.fromEntries(settings) as OptimizerSettings<O>
}
