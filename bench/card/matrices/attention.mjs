import { each, fragmentsHead } from "./fragments.mjs"

/** Channels of a head, as SDXL's U-Net has them. */
export const HEAD = 64

/** Largest excess, as a power of two, of a row's score over its reference. A larger one makes the sums rescale. */
const SLACK = 8

/**
 * WGSL of y = softmax(q kᵀ / √64) v by heads of 64. The scores are never in memory (flash attention). q and y are
 * [count, tokens, heads · 64]. k and v are [count, keys, heads · 64]. All are float16. Scores and sums are float32. The
 * weights of v are float16.
 *
 * A subgroup makes one fragment's rows of y and passes over the keys, `tile.keys` at a time. Its sums stay in fragments.
 * They are rescaled, through shared memory, only when a score of the row is over `SLACK` greater than its reference.
 */
export function attentionKernel({ config, lanes, tile }) {
  const { M, N, K } = config
  const { subgroups, keys } = tile
  const rows = subgroups * M
  const threads = subgroups * lanes
  // Invocations that share a row, and the groups of eight scores and channels that each of them has.
  const sharers = lanes / M
  const [scoreParts, headParts] = [keys / 8 / sharers, HEAD / 8 / sharers]
  if (![sharers, scoreParts, headParts, keys / N, keys / K].every((n) => Number.isInteger(n) && n > 0)) {
    throw new Error(`${keys} keys do not go evenly into fragments of ${M}×${N}×${K} by ${lanes} lanes`)
  }
  const [headStride, keyStride, scoreStride] = [HEAD / 8 + 1, keys / 8 + 1, Math.max(keys, HEAD) / 4 + 1]
  // Queries are staged in the memory of the keys. Later, the weights of v replace the keys.
  const pool = Math.max(Math.max(rows, keys) * headStride, rows * keyStride)
  const toHead = each(
    HEAD / N,
    (j) =>
      `subgroupMatrixStore<row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, sum${j}, ${scoreStride}u);`,
  )
  const stage = (shared, buffer, base, first, count, lines) =>
    `for (var e = local; e < ${(lines * HEAD) / 8}u; e += ${threads}u) {
      let line = e / ${HEAD / 8}u;
      var eight = vec4u();
      if (${first} + line < ${count}) { eight = ${buffer}[(${base} + (${first} + line) * width) / 8u + e % ${HEAD / 8}u]; }
      ${shared}[line * ${headStride}u + e % ${HEAD / 8}u] = eight;
    }`
  const overSharers = (value, combine) =>
    each(Math.log2(sharers), (i) => `${value} = ${combine(`subgroupShuffleXor(${value}, ${M * 2 ** i}u)`)};`)

  const code = `${fragmentsHead(config, "f32")}
struct Params { heads: u32, tokens: u32, keys: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4u>;
@group(0) @binding(2) var<storage, read> k: array<vec4u>;
@group(0) @binding(3) var<storage, read> v: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4u>;
var<workgroup> pool: array<vec4u, ${pool}>;
var<workgroup> values: array<vec4u, ${keys * headStride}>;
var<workgroup> scores: array<vec4f, ${rows * scoreStride}>;
var<workgroup> grown: atomic<u32>;

fn eight_halves(a: vec4f, b: vec4f) -> vec4u {
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}
fn greatest_of(a: vec4f) -> f32 { return max(max(a.x, a.y), max(a.z, a.w)); }
// The score of key number \`at\` and of its three neighbours, in powers of two; none for a key that does not exist.
fn score_of(index: u32, at: u32) -> vec4f {
  return select(vec4f(-1e30), scores[index] * p.scale, vec4u(at) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.keys));
}

@compute @workgroup_size(${threads})
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let width = p.heads * ${HEAD}u;
  let first_row = group.x * ${rows}u;
  let head = group.y % p.heads * ${HEAD}u;
  let sample = group.y / p.heads;
  let query_base = sample * p.tokens * width + head;
  let key_base = sample * p.keys * width + head;
  let row = subgroup * ${M}u + lane % ${M}u;
  let share = lane / ${M}u;
  ${stage("pool", "q", "query_base", "first_row", "p.tokens", rows)}
  workgroupBarrier();
${each(HEAD / K, (i) => `  let query${i} = subgroupMatrixLoad<Left, row_major>(&pool, subgroup * ${M * headStride}u + ${(i * K) / 8}u, ${headStride}u);`)}
${each(HEAD / N, (j) => `  var sum${j} = Sum();`)}
  var reference = -1e30;
  var total = 0.0;
  workgroupBarrier();
  for (var first_key = 0u; first_key < p.keys; first_key += ${keys}u) {
    if (local == 0u) { atomicStore(&grown, 0u); }
    ${stage("pool", "k", "key_base", "first_key", "p.keys", keys)}
    ${stage("values", "v", "key_base", "first_key", "p.keys", keys)}
    workgroupBarrier();
${each(
  keys / N,
  (j) => `    {
      var score = Sum();
${each(HEAD / K, (i) => `      score = subgroupMatrixMultiplyAccumulate(query${i}, subgroupMatrixLoad<Right, col_major>(&pool, ${j * N * headStride + (i * K) / 8}u, ${headStride}u), score);`)}
      subgroupMatrixStore<row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, score, ${scoreStride}u);
    }`,
)}
    workgroupBarrier();
    let score_at = row * ${scoreStride}u + share * ${2 * scoreParts}u;
    let key_at = first_key + share * ${8 * scoreParts}u;
${each(2 * scoreParts, (i) => `    let score${i} = score_of(score_at + ${i}u, key_at + ${4 * i}u);`)}
    var greatest = -1e30;
${each(2 * scoreParts, (i) => `    greatest = max(greatest, greatest_of(score${i}));`)}
${overSharers("greatest", (other) => `max(greatest, ${other})`)}
    var shrink = 1.0;
    if (greatest > reference + ${SLACK}.0) {
      shrink = exp2(reference - greatest);
      reference = greatest;
      atomicStore(&grown, 1u);
    }
    total *= shrink;
${each(
  scoreParts,
  (i) => `    let low${i} = exp2(score${2 * i} - reference);
    let high${i} = exp2(score${2 * i + 1} - reference);
    total += dot(low${i} + high${i}, vec4f(1.0));
    pool[row * ${keyStride}u + share * ${scoreParts}u + ${i}u] = eight_halves(low${i}, high${i});`,
)}
    if (workgroupUniformLoad(&grown) != 0u && first_key > 0u) {
      ${toHead}
      workgroupBarrier();
      for (var i = 0u; i < ${2 * headParts}u; i++) { scores[row * ${scoreStride}u + share * ${2 * headParts}u + i] *= shrink; }
      workgroupBarrier();
${each(HEAD / N, (j) => `      sum${j} = subgroupMatrixLoad<Sum, row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, ${scoreStride}u);`)}
    }
${each(
  keys / K,
  (i) => `    {
      let weights = subgroupMatrixLoad<Left, row_major>(&pool, subgroup * ${M * keyStride}u + ${(i * K) / 8}u, ${keyStride}u);
${each(HEAD / N, (j) => `      sum${j} = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(&values, ${i * K * headStride + (j * N) / 8}u, ${headStride}u), sum${j});`)}
    }`,
)}
    workgroupBarrier();
  }
${overSharers("total", (other) => `total + ${other}`)}
  ${toHead}
  workgroupBarrier();
  if (first_row + row < p.tokens) {
    for (var i = 0u; i < ${headParts}u; i++) {
      let part = share * ${headParts}u + i;
      let at = row * ${scoreStride}u + 2u * part;
      y[(query_base + (first_row + row) * width) / 8u + part] = eight_halves(scores[at] / total, scores[at + 1u] / total);
    }
  }
}`
  const sharedBytes = 16 * (pool + keys * headStride + rows * scoreStride) + 4
  return {
    ...{ code, threads, sharedBytes },
    plan: ({ count, tokens, keys, heads }) => ({
      // Scores in powers of two, so that the exponential is exp2.
      params: [heads, tokens, keys, floatWord(Math.LOG2E / Math.sqrt(HEAD))],
      groups: [Math.ceil(tokens / rows), count * heads],
    }),
  }
}

function floatWord(value) {
  return new Uint32Array(Float32Array.of(value).buffer)[0]
}
