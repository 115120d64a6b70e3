import { activationFunctions } from "../wgsl/activation.ts"
import type { Element } from "../wgsl/module.ts"
import { unrolled } from "../wgsl/module.ts"

/** What a product's kernel does with its sums. */
export interface Epilogue {
  /** The name of its code. */
  readonly key: string
  /** Names of its parameters, which are different from those of the factors. */
  readonly params: readonly string[]
  /** Its buffers, after those of the factors. */
  readonly reads: Readonly<Record<string, Element>>
  readonly writes: Readonly<Record<string, Element>>
  readonly declarations: string
  /**
   * WGSL statements for four sums of a row, of this column and the next three. `at` is the first element of the result.
   *
   * @param sum WGSL of the sums, a vec4f
   */
  write(sum: string, row: string, column: string): string
}

export interface StoreOptions {
  /**
   * A value that is added to every column. Products side by side have a bias each: `stacked` one after another,
   * `placed` in a tensor of more values (parameters: the first element, elements between two), or in so many buffers,
   * one for each.
   */
  readonly bias: false | "stacked" | "placed" | { readonly buffers: number }
  /** How many matrices of the result's shape are added. */
  readonly plus: number
  /** Whether a value for each column and sample is added. The parameter is the number of rows of a sample. */
  readonly shift: boolean
  /** Whether the number of columns is a multiple of four. Results are then written by four. */
  readonly four: boolean
  /** Buffers of the results: one for all products, which then follow each other, or one for each. */
  readonly results: number
  /** Whether results are parts of a tensor of more values. Parameters: the first element, elements between two. */
  readonly placed?: boolean
}

/** Stores sum (+ bias[z, n]) (+ shift[sample, n]) (+ plus[m, n] …). */
export function stored(options: StoreOptions): Epilogue {
  const { bias, plus, shift, four, results, placed = false } = options
  const element = four ? "vec4f" : "f32"
  const names = results === 1 ? ["result"] : Array.from({ length: results }, (_, i) => `result${i}`)
  const matrices = Array.from({ length: plus }, (_, i) => `plus${i}`)
  const buffers = bias === false ? 0 : typeof bias === "object" ? bias.buffers : 1
  const kind = typeof bias === "object" ? "apart" : bias
  const added = [
    ...(kind === false ? [] : [kind === "stacked" ? "bias" : kind === "apart" ? "biases apart" : `bias ${kind}`]),
    ...(shift ? ["shift"] : []),
    ...(plus === 0 ? [] : [plus === 1 ? "matrix" : `${plus} matrices`]),
  ]
  const biases =
    kind === "apart" ? Array.from({ length: buffers }, (_, i) => `bias${i}`) : buffers === 0 ? [] : ["bias"]
  const biasAt = { stacked: "z * p.n + column", placed: "p.biasFrom + z * p.biasEach + column", apart: "column" }
  const by = four ? " / 4u" : ""
  const clauses = names.map((name) => `store_${name}(to, value);`)
  return {
    key: `${added.map((name) => ` + ${name}`).join("")}${four ? "" : ", by one"}${results === 1 ? "" : ", apart"}${placed ? ", placed" : ""}`,
    params: [
      ...(kind === "placed" ? ["biasFrom", "biasEach"] : []),
      ...(shift ? ["sampleRows"] : []),
      ...(placed ? ["toFrom", "toEach"] : []),
    ],
    reads: {
      ...Object.fromEntries(biases.map((name) => [name, element])),
      ...(shift ? { shift: element } : {}),
      ...Object.fromEntries(matrices.map((name) => [name, element])),
    },
    writes: Object.fromEntries(names.map((name) => [name, element])),
    declarations: `fn store(to: u32, value: ${element}) {\n${byNumber("z", clauses)}\n}${
      kind === false
        ? ""
        : `
fn biasOf(column: u32) -> ${element} {\n${byNumber(
            "z",
            biases.map((name) => `return ${name}[(${biasAt[kind]})${by}];`),
          )}\n}`
    }`,
    write(sum, row, column) {
      const each = four ? [0] : [0, 1, 2, 3]
      return unrolled(each.length, (c) => {
        const terms = [
          four ? sum : `${sum}[${c}]`,
          ...(kind === false ? [] : ["biasOf(column)"]),
          ...(shift ? [`load_shift(((${row}) / p.sampleRows * p.n + column)${by})`] : []),
          ...matrices.map((name) => `load_${name}(to)`),
        ]
        return `if (${row} < p.m && ${column} + ${c}u < p.n) {
  let column = ${column} + ${c}u;
  let to = (${placed ? "p.toFrom + z * p.toEach + " : results === 1 ? "at + " : ""}(${row}) * p.n + column)${by};
  store(to, ${terms.join(" + ")});
}`
      })
    },
  }
}

/**
 * Stores GEGLU of sum (+ bias[n]), whose width is half of n, a multiple of four. The product's columns come in fours of
 * two values and their two gates, see `gatedOrder`.
 *
 * @param kept whether the sums are stored, too, in their own order
 */
export function gated({ bias, kept }: { readonly bias: boolean; readonly kept: boolean }): Epilogue {
  return {
    key: `${bias ? " + bias" : ""}, GEGLU${kept ? ", kept" : ""}`,
    params: [],
    reads: bias ? { bias: "vec2f" } : {},
    writes: { result: "vec2f", ...(kept ? { sums: "vec2f" as const } : {}) },
    declarations: activationFunctions("vec2f"),
    write: (sum, row, column) => `if (${row} < p.m && ${column} < p.n) {
  // Counted in twos.
  let half = p.n / 4u;
  let pair = (${column}) / 4u;
  let value = ${sum}.xy${bias ? " + bias[pair]" : ""};
  let gate = ${sum}.zw${bias ? " + bias[half + pair]" : ""};
  store_result((${row}) * half + pair, value * gate * cdf(gate));
${kept ? `  store_sums((${row}) * 2u * half + pair, value);\n  store_sums(((${row}) * 2u + 1u) * half + pair, gate);` : ""}
}`,
  }
}

/** WGSL of the row of weights for a column of a product that ends in `gated`. */
export const GATED_ORDER = "edge / 4u * 2u + edge % 2u + select(0u, p.n / 2u, edge % 4u >= 2u)"

/** A statement for every value of a number: the last one is for all others. */
export function byNumber(number: string, statements: readonly string[]): string {
  const last = statements.length - 1
  if (last === 0) return statements.join("")
  const clauses = statements.map((each, i) => `${i === last ? "default" : `case ${i}u`}: {\n${each}\n}`)
  return `switch ${number} {\n${clauses.join("\n")}\n}`
}
