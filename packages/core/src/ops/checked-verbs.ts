import { checkArgument, checkGiven, valueText } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { Ops, Weight, WeightLoader } from "./ops.ts"

/** Whether a value can stand in a place of a verb, with the words for what can. */
interface Place {
  readonly name: string
  readonly expected: string
  fits(value: unknown): boolean
}

/*
 * Verbs run thousands of times in a step, so a check is a few comparisons. It tells a value of another kind apart, which
 * TensorFlow.js or a kernel would answer in words of its own. Shapes that do not fit each other are the verb's business.
 */

const tensor = (name: string, rank: number | null = null): Place => ({
  name,
  expected: rank === null ? "a tensor" : `a tensor of ${rank} axes`,
  fits: (value) => isTensor(value, rank),
})

const weight = (kind: string): Place => ({
  name: "the weight",
  expected: `a weight of the kind "${kind}"`,
  fits: (value) => (value as Partial<Weight> | null | undefined)?.kind === kind,
})

const list = (name: string, of: Place): Place => ({
  name,
  expected: `a list, each ${of.expected}`,
  fits: (value) => Array.isArray(value) && value.every((each) => of.fits(each)),
})

const maybe = (place: Place): Place => ({
  ...place,
  expected: `${place.expected}, or null`,
  fits: (value) => value === null || place.fits(value),
})

const options = (expected: string, fits: (value: Readonly<Record<string, unknown>>) => boolean): Place => ({
  name: "the options are",
  expected,
  fits: (value) => typeof value === "object" && value !== null && fits(value as Readonly<Record<string, unknown>>),
})

const optional = (place: Place): Place => ({ ...place, fits: (value) => value === undefined || place.fits(value) })

const NUMBERS: Place = {
  name: "the strengths",
  expected: "a list of numbers",
  fits: (value) => Array.isArray(value) && value.every((each) => typeof each === "number"),
}

const EPSILON: Place = {
  name: "epsilon",
  expected: "a number from 0",
  fits: (value) => Number.isFinite(value) && (value as number) >= 0,
}

/** Zeros beside a picture, at most. */
const MOST_PADDING = 2 ** 16

const CONV_OPTIONS = options(
  "a stride of 1 or 2, and a padding of four whole numbers from 0 to 65536",
  ({ stride, padding }) =>
    (stride === 1 || stride === 2) &&
    Array.isArray(padding) &&
    padding.length === 4 &&
    padding.every((each) => isCount(each) && each <= MOST_PADDING),
)

const GROUP_OPTIONS = options(
  "groups, a whole number from 1, epsilon, a number from 0, and silu, true or false",
  ({ groups, epsilon, silu }) => isCount(groups) && groups > 0 && EPSILON.fits(epsilon) && typeof silu === "boolean",
)

const ATTENTION_OPTIONS = options(
  "heads, a whole number from 1, and causal, true or false",
  ({ heads, causal }) => isCount(heads) && heads > 0 && typeof causal === "boolean",
)

const DENSE_OPTIONS = optional(
  options("inputGradient, true or false", ({ inputGradient }) => typeof inputGradient === "boolean"),
)

/** A layer that trains, or several: `weight` and `bias`. */
const layers = (name: string, rank: number): Place => ({
  name,
  expected: "an object with the tensors weight and bias",
  fits: (value) => {
    const { weight, bias } = (value ?? {}) as { readonly weight?: unknown; readonly bias?: unknown }
    return isTensor(weight, rank) && isTensor(bias, 1)
  },
})

const TAIL: Place = {
  name: "an adapter",
  expected: "an object with the tensors midDown and share, and the layer up",
  fits: (value) => {
    const { midDown, share, up } = (value ?? {}) as Readonly<Record<string, unknown>>
    return isTensor(midDown, 2) && isTensor(share, 3) && layers("up", 2).fits(up)
  },
}

const GROUP: Place = {
  name: "the group",
  expected: "an object with the tensors values and share",
  fits: (value) => {
    const { values, share } = (value ?? {}) as Readonly<Record<string, unknown>>
    return isTensor(values, 2) && isTensor(share, 4)
  },
}

const INDICES: Place = {
  name: "the indices",
  expected: "a list of lists of numbers",
  fits: (value) => Array.isArray(value) && value.every((each) => Array.isArray(each) || ArrayBuffer.isView(each)),
}

const [X, PICTURE, LINEAR, CONV, NORM] = [
  tensor("x"),
  tensor("x", 4),
  weight("linear"),
  weight("conv2d"),
  weight("norm"),
] as const

const VERBS = {
  linear: [X, LINEAR],
  linearPlus: [X, LINEAR, tensor("what is added")],
  linearEach: [X, list("the weights", LINEAR)],
  linearGeglu: [X, LINEAR],
  conv2d: [PICTURE, CONV, CONV_OPTIONS],
  conv2dPlus: [PICTURE, CONV, CONV_OPTIONS, tensor("what is added", 4)],
  conv2dShift: [PICTURE, CONV, CONV_OPTIONS, tensor("the shift", 2)],
  groupNorm: [PICTURE, NORM, GROUP_OPTIONS],
  groupNormBeside: [PICTURE, NORM, GROUP_OPTIONS],
  layerNorm: [X, NORM, EPSILON],
  layerNormBeside: [X, NORM, EPSILON],
  lookUp: [weight("table"), INDICES],
  attention: [tensor("q", 3), tensor("k", 3), tensor("v", 3), ATTENTION_OPTIONS],
  selfAttention: [list("the inputs", tensor("x", 3)), list("the layers", LINEAR), ATTENTION_OPTIONS],
  geglu: [X],
  silu: [X],
  gelu: [X],
  quickGelu: [X],
  relu: [X],
  upsample2x: [PICTURE],
  dense: [X, tensor("the weight", 2), maybe(tensor("the bias", 1)), DENSE_OPTIONS],
  denseStack: [tensor("x", 3), layers("the layers", 3), DENSE_OPTIONS],
  denseStackSlopes: [tensor("x", 3), layers("the layers", 3), tensor("the slope", 3), DENSE_OPTIONS],
  adapt: [tensor("x", 3), layers("down", 2), list("the adapters", TAIL), list("the strengths", NUMBERS)],
  adaptGroup: [tensor("x", 3), GROUP, NUMBERS],
} satisfies { readonly [Verb in keyof Ops]?: readonly Place[] }

/** The verbs that every runtime has. */
const NEEDED = [
  ...["linear", "conv2d", "groupNorm", "layerNorm", "lookUp", "attention", "geglu", "silu", "gelu", "quickGelu"],
  ...["upsample2x", "dense", "relu"],
]

/**
 * The same ops, whose verbs and loaders refuse arguments of another kind in a sentence.
 *
 * @throws CoreError `argument` for ops that lack a verb, and of each verb for an argument of another kind
 */
export function checkedVerbs(ops: Ops): Ops {
  for (const verb of ["load", ...NEEDED]) checkGiven("ops", ops, verb, "createComposedOps")
  const verbs = Object.entries(VERBS).flatMap(([name, places]): [string, unknown][] => {
    const run = ops[name as keyof typeof VERBS]
    return run === undefined ? [] : [[name, checked(name, places, run as (...args: readonly unknown[]) => unknown)]]
  })
  return { ...ops, ...Object.fromEntries(verbs), load: checkedLoader(ops.load) }
}

/**
 * Checks the arguments of a verb that a runtime may not have. In its place, core calls others.
 *
 * @throws CoreError `argument`
 */
export function checkCall(verb: keyof typeof VERBS, ops: unknown, ...args: readonly unknown[]): void {
  checkGiven(`${verb}: the ops`, ops, "linear", "createComposedOps")
  checkPlaces(verb, VERBS[verb], args)
}

function checkPlaces(verb: string, places: readonly Place[], args: readonly unknown[]): void {
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as Place
    if (!place.fits(args[i])) throw misfit(verb, place, args[i])
  }
}

function checked(
  verb: string,
  places: readonly Place[],
  run: (...args: readonly unknown[]) => unknown,
): (...args: readonly unknown[]) => unknown {
  return (...args) => {
    checkPlaces(verb, places, args)
    return run(...args)
  }
}

function misfit(verb: string, { name, expected }: Place, value: unknown): CoreError {
  const is = name.endsWith(" are") ? name : `${name} is`
  const came = isTensor(value, null) ? `[${(value as { readonly shape: readonly number[] }).shape.join(", ")}]` : null
  return new CoreError("argument", `${verb}: ${is} ${came ?? valueText(value)}, expected ${expected}`)
}

/** Entries are read once, so that a check of them costs nothing. */
function checkedLoader({ wide, ...load }: WeightLoader): WeightLoader {
  const withChecks = (plain: Omit<WeightLoader, "wide">): Omit<WeightLoader, "wide"> => ({
    async linear(weight, bias) {
      checkEntries("linear", weight, bias)
      return plain.linear(weight, bias)
    },
    async conv2d(weight, bias) {
      checkEntries("conv2d", weight, bias)
      return plain.conv2d(weight, bias)
    },
    async norm(scale, shift) {
      checkEntries("norm", scale, shift ?? undefined)
      return plain.norm(scale, shift)
    },
    async table(rows) {
      checkEntries("table", rows, null)
      return plain.table(rows)
    },
  })
  return { ...withChecks(load), ...(wide === undefined ? {} : { wide: withChecks(wide) }) }
}

/** Checks two entries of a checkpoint, of which the second may be null. */
function checkEntries(kind: string, first: unknown, second: unknown): void {
  for (const entry of second === null ? [first] : [first, second]) {
    checkGiven(`${kind}: an entry`, entry, "read", "the file of a checkpoint")
    checkArgument(`${kind}: the shape of an entry`, (entry as { readonly shape?: unknown }).shape, "a list")
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isTensor(value: unknown, rank: number | null): boolean {
  if (typeof value !== "object" || value === null) return false
  const { shape } = value as { readonly shape?: unknown }
  return Array.isArray(shape) && (rank === null || shape.length === rank) && "dataId" in value
}
