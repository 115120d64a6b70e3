import type { KernelSource } from "../device/commands.ts"
import { type Element, unrolled, wgslModule } from "../wgsl/module.ts"

/** The result of a kernel: attention, its slopes at q, or those at k and v. */
export type AttentionResult = "y" | "dq" | "dkv"

export interface AttentionKernelOptions {
  readonly result: AttentionResult
  /** Width of a head. */
  readonly dim: number
  readonly causal: boolean
  /** Rows of the result that one invocation computes: 1, 2 or 4. */
  readonly rows: number
}

/** A workgroup's invocations: 16 down its rows, 8 across. */
const DOWN = 16
const ACROSS = 8
const THREADS = DOWN * ACROSS
/** Rows of the other side in a tile: four for every invocation across. */
const OTHERS = 4 * ACROSS
/** Columns of a head that scores are summed over at a time. */
const DEPTH = 16
/** Values of float32 in the 16 KiB of shared memory that every device has. */
const SHARED = 4096
/** Below any score. It is finite, because WGSL lets a driver assume that infinity does not occur. */
const LOWEST = -1e30

/** Widest head that fits into shared memory. */
export const MAX_DIM = 1536

/** Rows of a result that one workgroup makes. */
export function rowsOfGroup(rows: number): number {
  return DOWN * rows
}

/** The buffers of a kernel: its own rows, the other side's rows, and the rows that it adds up by weights. */
interface Plan {
  /** Whether its own rows are queries, and the other side's are keys. */
  readonly queries: boolean
  /** Buffers of own rows and others whose products are the scores. */
  readonly scores: readonly [own: string, other: string]
  /** Buffers of own rows and others whose products are the slopes at the probabilities. */
  readonly slopes: readonly [own: string, other: string] | null
  /** The buffers of the other side whose rows are added up, by the weights of these names. */
  readonly summed: Readonly<Record<string, string>>
  readonly reads: readonly string[]
}

const PLANS: Readonly<Record<AttentionResult, Plan>> = {
  y: { queries: true, scores: ["q", "k"], slopes: null, summed: { weight: "v" }, reads: ["q", "k", "v"] },
  dq: {
    ...{ queries: true, scores: ["q", "k"], slopes: ["dy", "v"], summed: { weight: "k" } },
    reads: ["q", "k", "v", "dy", "logSum", "y"],
  },
  dkv: {
    ...{ queries: false, scores: ["k", "q"], slopes: ["v", "dy"], summed: { weight: "q", chance: "dy" } },
    reads: ["q", "k", "v", "dy", "logSum", "along"],
  },
}

/**
 * Attention tile by tile, Dao et al. 2022: scores are never in memory. The result and its slopes have one design.
 * A workgroup computes rows of one side, and reads the other side in tiles. For each tile it computes scores, makes
 * weights of them, and adds up rows by these. The result keeps a running maximum and sum. Slopes read the logarithm of
 * the sum instead. Without atomics and subgroups, sums have a fixed order.
 *
 * Parameters: heads, tokens, keys, scale. Groups: samples · heads · tiles of own rows. `y` writes `logSum` too, and `dq`
 * writes `along`: the value that softmax subtracts from every slope of a row, Σ y dy. `dkv` writes the slopes at v to `dv`.
 */
export function attentionKernel({ result, dim, causal, rows }: AttentionKernelOptions): KernelSource {
  const plan = PLANS[result]
  const own = rowsOfGroup(rows)
  // Columns of the result, in spaced fours, so that adjacent invocations read adjacent values: 32·j + 8·c + across.
  const fours = Math.ceil(dim / OTHERS)
  const padded = OTHERS * fours
  const room = SHARED - own * (OTHERS + 1)
  const chunk = largestPower(Math.min(OTHERS, Math.floor(room / padded)))
  const work = Math.max(DEPTH * (own + OTHERS + 2), chunk * padded, own * ACROSS)
  const forward = result === "y"
  const eachRow = (line: (i: number) => string): string => unrolled(rows, line)
  const summed = Object.entries(plan.summed)
  /** For every sum of the first buffer, or of the one after it. */
  const eachSum = (which: number, line: (sum: string, i: number, j: number) => string): string =>
    eachRow((i) => unrolled(fours, (j) => line(`${SUMS[which]}${i}_${j}`, i, j)))
  const results = ["result", "dv"].slice(0, summed.length)
  const [ownCount, otherCount] = plan.queries ? ["p.tokens", "p.keys"] : ["p.keys", "p.tokens"]
  return {
    key: `attention ${result}, heads of ${dim}${causal ? ", causal" : ""}, ${rows} rows`,
    code: (storages) =>
      wgslModule(
        {
          params: ["heads", "tokens", "keys", "scale: f32"],
          reads: Object.fromEntries(plan.reads.map((name): [string, Element] => [name, "f32"])),
          writes: {
            ...Object.fromEntries(results.map((name): [string, Element] => [name, "f32"])),
            ...(forward ? { logSum: "f32" } : plan.queries ? { along: "f32" } : {}),
          },
          threads: THREADS,
          declarations: `var<workgroup> weights: array<f32, ${own * (OTHERS + 1)}>;
var<workgroup> work: array<f32, ${work}>;`,
          main: `
let tiles = (${ownCount} + ${own - 1}u) / ${own}u;
let head = group / tiles % p.heads;
let sample = group / tiles / p.heads;
if (group >= arrayLength(&result) / (${ownCount} * ${dim}u) * tiles) { return; }
let width = p.heads * ${dim}u;
let own0 = group % tiles * ${own}u;
// The first element of the head's columns on either side.
let ownAt = sample * ${ownCount} * width + head * ${dim}u;
let otherAt = sample * ${otherCount} * width + head * ${dim}u;
let statsAt = (sample * p.heads + head) * p.tokens;
let down = local / ${ACROSS}u * ${rows}u;
let across = local % ${ACROSS}u;
${eachRow((i) => `let row${i} = own0 + down + ${i}u;`)}
${results.map((_, which) => eachSum(which, (sum) => `var ${sum} = vec4f();`)).join("\n")}
${forward ? eachRow((i) => `var greatest${i} = ${LOWEST}f;\nvar total${i} = 0.0;`) : ""}
${!forward && plan.queries ? ownStats(rows, dim) : ""}
for (var other0 = ${causal && !plan.queries ? `own0 / ${OTHERS}u * ${OTHERS}u` : "0u"}; other0 < ${
            causal && plan.queries ? `min(${otherCount}, own0 + ${own}u)` : otherCount
          }; other0 += ${OTHERS}u) {
  let others = vec4u(0u, ${ACROSS}u, ${2 * ACROSS}u, ${3 * ACROSS}u) + other0 + across;
${eachRow((i) => `  let seen${i} = (others < vec4u(${otherCount})) & vec4<bool>(row${i} < ${ownCount})${maskOf(i, causal, plan.queries)};`)}
${products("score", plan.scores, { rows, own, dim, ownCount, otherCount })}
${plan.slopes === null ? "" : products("slope", plan.slopes, { rows, own, dim, ownCount, otherCount })}
${forward ? runningWeights(rows, fours) : recomputedWeights(rows, plan)}
${summed
  .map(
    ([weight, buffer], which) =>
      `${eachRow((i) => unrolled(4, (c) => `  weights[(down + ${i}u) * ${OTHERS + 1}u + across + ${c * ACROSS}u] = ${weight}${i}[${c}];`))}
  for (var part = 0u; part < ${OTHERS}u; part += ${chunk}u) {
    for (var e = local; e < ${chunk * padded}u; e += ${THREADS}u) {
      let column = e % ${padded}u;
      let other = other0 + part + e / ${padded}u;
      var value = 0.0;
      if (column < ${dim}u && other < ${otherCount}) { value = load_${buffer}(otherAt + other * width + column); }
      work[e] = value;
    }
    workgroupBarrier();
    for (var k = 0u; k < ${chunk}u; k++) {
      let at = k * ${padded}u + across;
${eachRow((i) => `      let w${i} = weights[(down + ${i}u) * ${OTHERS + 1}u + part + k];`)}
${unrolled(fours, (j) => {
  const [a, b, c, d] = [0, 1, 2, 3].map((c) => `work[at + ${OTHERS * j + ACROSS * c}u]`)
  return `      let x${j} = vec4f(${a}, ${b}, ${c}, ${d});`
})}
${eachSum(which, (sum, i, j) => `      ${sum} += w${i} * x${j};`)}
    }
    workgroupBarrier();
  }`,
  )
  .join("\n")}
}
${forward ? finish(rows) : ""}
${results
  .map((result, which) =>
    eachSum(which, (sum, i, j) =>
      unrolled(4, (c) => {
        const column = `${OTHERS * j + ACROSS * c}u + across`
        return `if (row${i} < ${ownCount} && ${column} < ${dim}u) {
  store_${result}(ownAt + row${i} * width + ${column}, ${sum}[${c}]${forward ? ` / total${i}` : ""});
}`
      }),
    ),
  )
  .join("\n")}`,
        },
        storages,
      ),
  }
}

/** Names of the sums over the rows of the first buffer, and of the second. */
const SUMS = ["sum", "other"] as const

function largestPower(limit: number): number {
  return 2 ** Math.floor(Math.log2(limit))
}

function maskOf(i: number, causal: boolean, queries: boolean): string {
  if (!causal) return ""
  return queries ? ` & (others <= vec4u(row${i}))` : ` & (others >= vec4u(row${i}))`
}

/** Logarithm of a query's sum, and its slope along its probabilities, which is computed here. */
function ownStats(rows: number, dim: number): string {
  const each = (line: (i: number) => string): string => unrolled(rows, line)
  return `${each(
    (i) => `let logSum${i} = logSum[statsAt + min(row${i}, p.tokens - 1u)];
var along${i} = 0.0;
for (var c = across; c < ${dim}u; c += ${ACROSS}u) {
  let at = ownAt + min(row${i}, p.tokens - 1u) * width + c;
  along${i} += load_y(at) * load_dy(at);
}
work[(down + ${i}u) * ${ACROSS}u + across] = along${i};`,
  )}
workgroupBarrier();
${each(
  (i) => `along${i} = 0.0;
for (var c = 0u; c < ${ACROSS}u; c++) { along${i} += work[(down + ${i}u) * ${ACROSS}u + c]; }
if (across == 0u && row${i} < p.tokens) { along[statsAt + row${i}] = along${i}; }`,
)}
workgroupBarrier();`
}

interface ProductSizes {
  readonly rows: number
  readonly own: number
  readonly dim: number
  readonly ownCount: string
  readonly otherCount: string
}

/** `name`0 … : products of own rows with four of the others, summed over the head's columns. */
function products(
  name: string,
  [ownRows, otherRows]: readonly [string, string],
  { rows, own, dim, ownCount, otherCount }: ProductSizes,
): string {
  const second = DEPTH * (own + 1)
  const load = (buffer: string, at: string, side: "own" | "other", count: number, limit: string): string => `
    for (var e = local; e < ${count * DEPTH}u; e += ${THREADS}u) {
      let column = depth + e % ${DEPTH}u;
      let row = e / ${DEPTH}u;
      var value = 0.0;
      if (column < ${dim}u && ${side}0 + row < ${limit}) { value = load_${buffer}(${side}At + (${side}0 + row) * width + column); }
      work[${at}e % ${DEPTH}u * ${count + 1}u + row] = value;
    }`
  const others = [0, 1, 2, 3].map((c) => `work[b + ${c * ACROSS}u]`).join(", ")
  return `${unrolled(rows, (i) => `  var ${name}${i} = vec4f();`)}
  for (var depth = 0u; depth < ${dim}u; depth += ${DEPTH}u) {
${load(ownRows, "", "own", own, ownCount)}
${load(otherRows, `${second}u + `, "other", OTHERS, otherCount)}
    workgroupBarrier();
    for (var k = 0u; k < ${DEPTH}u; k++) {
      let a = k * ${own + 1}u + down;
      let b = ${second}u + k * ${OTHERS + 1}u + across;
      let other = vec4f(${others});
${unrolled(rows, (i) => `      ${name}${i} += work[a + ${i}u] * other;`)}
    }
    workgroupBarrier();
  }`
}

/** `weight`0 … : exponentials of the scores less the greatest so far. Earlier sums are scaled to it. */
function runningWeights(rows: number, fours: number): string {
  const each = (line: (i: number) => string): string => unrolled(rows, line)
  return `${each(
    (i) => `  let scaled${i} = select(vec4f(${LOWEST}f), score${i} * p.scale, seen${i});
  work[(down + ${i}u) * ${ACROSS}u + across] =
    max(max(scaled${i}[0], scaled${i}[1]), max(scaled${i}[2], scaled${i}[3]));`,
  )}
  workgroupBarrier();
${each(
  (i) => `  var now${i} = greatest${i};
  for (var c = 0u; c < ${ACROSS}u; c++) { now${i} = max(now${i}, work[(down + ${i}u) * ${ACROSS}u + c]); }
  let shrink${i} = exp(greatest${i} - now${i});
  let weight${i} = select(vec4f(), exp(scaled${i} - now${i}), seen${i});
  greatest${i} = now${i};
  total${i} = total${i} * shrink${i} + dot(weight${i}, vec4f(1.0));
${unrolled(fours, (j) => `  sum${i}_${j} *= shrink${i};`)}`,
)}
  workgroupBarrier();`
}

/** `weight`0 … : probabilities from the logarithms of their sums, or slopes at the scores. */
function recomputedWeights(rows: number, { queries, slopes }: Plan): string {
  const stats = (name: string): string =>
    `vec4f(${[0, 1, 2, 3].map((c) => `${name}[statsAt + min(others[${c}], p.tokens - 1u)]`).join(", ")})`
  const shared = queries
    ? ""
    : `  let logSums = ${stats("logSum")};${slopes === null ? "" : `\n  let alongs = ${stats("along")};`}\n`
  return (
    shared +
    unrolled(rows, (i) => {
      const logSum = queries ? `logSum${i}` : "logSums"
      const along = queries ? `along${i}` : "alongs"
      const slope = slopes === null ? "" : ` * (slope${i} - ${along}) * p.scale`
      return `  let chance${i} = select(vec4f(), exp(min(score${i} * p.scale - ${logSum}, vec4f(80.0))), seen${i});
  let weight${i} = chance${i}${slope};`
    })
  )
}

/** Adds up the parts of a row's sum, and keeps its logarithm for the slopes. */
function finish(rows: number): string {
  const each = (line: (i: number) => string): string => unrolled(rows, line)
  return `${each((i) => `work[(down + ${i}u) * ${ACROSS}u + across] = total${i};`)}
workgroupBarrier();
${each(
  (i) => `total${i} = 0.0;
for (var c = 0u; c < ${ACROSS}u; c++) { total${i} += work[(down + ${i}u) * ${ACROSS}u + c]; }
if (across == 0u && row${i} < p.tokens) { logSum[statsAt + row${i}] = greatest${i} + log(total${i}); }`,
)}`
}
