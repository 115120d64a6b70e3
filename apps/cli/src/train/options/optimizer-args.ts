import { isInRange, type NumberRange, OPTIMIZERS, type OptimizerChoice, rangeText } from "@lllite/core/names"
import type { OptionKind, Reading, TakenOption } from "@lllite/runtime-node/options"
import { taken } from "@lllite/runtime-node/options"

/** The numbers of an optimizer that differ from its defaults. */
export type OptimizerArgs = Omit<OptimizerChoice, "name">

const { beta1, beta2, epsilon, weightDecay } = OPTIMIZERS.adamw.options

/** AdamW's arguments by PyTorch's names, with our options in the order of their values. */
const ARGS: Readonly<Record<string, readonly (readonly [option: keyof OptimizerArgs, range: NumberRange])[]>> = {
  betas: [
    ["beta1", beta1],
    ["beta2", beta2],
  ],
  eps: [["epsilon", epsilon]],
  weight_decay: [["weightDecay", weightDecay]],
}

const EXPECTED = `${Object.keys(ARGS).join("=…, ")}=…`

/** PyTorch's other arguments of AdamW. With these values they ask for nothing. */
const OTHERS = /^(amsgrad|maximize|foreach|capturable|differentiable|fused)=(False|None)$/

/** Arguments as sd-scripts takes them: `eps=1e-6`, `betas=0.9,0.99` or `betas=(0.9, 0.99)`. */
export function optimizerArgs(): TakenOption<OptimizerArgs> {
  const { adamw } = OPTIMIZERS
  const usual = [
    `betas=${adamw.options.beta1.default},${adamw.options.beta2.default}`,
    `eps=${adamw.options.epsilon.default}`,
    `weight_decay=${adamw.options.weightDecay.default}`,
  ]
  const kind: OptionKind<OptimizerArgs> = { arity: "many", valueName: "name=value", empty: {}, read: readArgs }
  return taken(kind, {
    default: {},
    otherwise: usual.join(" "),
    help: "Numbers of the optimizer. A larger eps keeps weights still that have next to no gradient.",
  })
}

function readArgs(raw: unknown): Reading<OptimizerArgs> {
  const args: { -readonly [Name in keyof OptimizerArgs]: number } = {}
  for (const entry of Array.isArray(raw) ? raw : [raw]) {
    if (typeof entry !== "string") return { expected: EXPECTED, part: entry }
    // Some programs write all arguments in one text.
    for (const part of entry.trim().split(/\s+(?=\w+=)/)) {
      if (OTHERS.test(part)) continue
      const [, name = "", text = ""] = /^(\w+)=(.*)$/.exec(part) ?? []
      const numbers = Object.hasOwn(ARGS, name) ? (ARGS[name] ?? []) : []
      if (numbers.length === 0) return { expected: EXPECTED, part }
      const values = numbersIn(text)
      for (const [place, [option, range]] of numbers.entries()) {
        const value = values[place]
        if (values.length !== numbers.length || !isInRange(value, range)) return { expected: wanted(numbers), part }
        if (args[option] !== undefined) return { expected: `${name} once`, part }
        args[option] = value as number
      }
    }
  }
  return { value: args }
}

/** The numbers of Python's `1e-6`, `0.9, 0.99` or `(0.9, 0.99)`. Other words are NaN. */
function numbersIn(text: string): readonly number[] {
  const inner = /^\s*(?:\((.*)\)|\[(.*)\]|(.*))\s*$/.exec(text)
  const list = (inner?.[1] ?? inner?.[2] ?? inner?.[3] ?? "").split(",").map((part) => part.trim())
  return list.map((part) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part) ? Number(part) : Number.NaN))
}

function wanted(numbers: (typeof ARGS)[string]): string {
  const [[, range] = ["", {}] as const] = numbers
  return numbers.length === 1 ? rangeText(range) : `${numbers.length} values, each ${rangeText(range)}`
}
