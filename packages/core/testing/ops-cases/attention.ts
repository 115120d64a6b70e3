import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { selfAttention } from "../../src/ops/joined-verbs.ts"
import type { LinearWeight, QueryKeyValue } from "../../src/ops/ops.ts"
import * as plain from "../plain-ops.ts"
import { doubles, entry, input, type OpsCase, TOLERANCE, values } from "./case.ts"

/** Attention, alone and with the layers before it. */
export function attentionCases(): OpsCase[] {
  return [
    attentionCase("70 tokens, 77 keys", { n: 2, tokens: 70, keys: 77, heads: 1, dim: 20, causal: false }, 1),
    attentionCase("several odd heads", { n: 1, tokens: 33, keys: 33, heads: 3, dim: 5, causal: false }, 1),
    attentionCase("causal", { n: 2, tokens: 77, keys: 77, heads: 2, dim: 8, causal: true }, 1),
    attentionCase("one token, one key", { n: 2, tokens: 1, keys: 1, heads: 2, dim: 4, causal: false }, 1),
    attentionCase("one token, 77 keys", { n: 1, tokens: 1, keys: 77, heads: 1, dim: 64, causal: false }, 1),
    attentionCase("no gradient of the keys", { n: 2, tokens: 9, keys: 7, heads: 2, dim: 8, causal: false }, 1, false),
    attentionCase("scores of hundreds", { n: 1, tokens: 12, keys: 10, heads: 1, dim: 16, causal: false }, 12),
    selfAttentionCase("one input", { n: 2, tokens: 64, keys: 64, heads: 2, dim: 8, causal: false }, 12, 1),
    selfAttentionCase("three inputs", { n: 1, tokens: 32, keys: 32, heads: 1, dim: 40, causal: false }, 20, 3),
    selfAttentionCase("odd sizes", { n: 1, tokens: 33, keys: 33, heads: 3, dim: 5, causal: true }, 7, 1),
    selfAttentionCase("odd sizes, three inputs", { n: 2, tokens: 7, keys: 7, heads: 1, dim: 5, causal: false }, 9, 3),
  ]
}

/** @param keysGradient false: keys and values are constants */
function attentionCase(title: string, sizes: plain.AttentionSizes, spread: number, keysGradient = true): OpsCase {
  const { n, tokens, keys, heads, dim, causal } = sizes
  const width = heads * dim
  const q = input("q", [n, tokens, width], spread)
  const source = [input("k", [n, keys, width], spread), input("v", [n, keys, width])]
  const constants = keysGradient ? [] : source
  return {
    name: `attention: ${title}`,
    inputs: keysGradient ? [q, ...source] : [q],
    // A score of some hundreds has an error of 1e-5 in float32, and so has its exponential.
    tolerance: spread === 1 ? TOLERANCE : 20 * TOLERANCE,
    async prepare(ops) {
      const fixed = constants.map(({ shape, values }) => tf.tensor(values, [...shape]))
      return {
        run(...given) {
          const [q, k, v] = [...given, ...fixed] as [Tensor3D, Tensor3D, Tensor3D]
          return ops.attention(q, k, v, { heads, causal, keysGradient })
        },
        dispose: () => tf.dispose(fixed),
      }
    },
    expected(...given) {
      const [q, k, v] = [...given, ...constants.map(({ values }) => doubles(values))] as [
        plain.Values,
        plain.Values,
        plain.Values,
      ]
      return plain.attention(q, k, v, sizes)
    },
  }
}

/** @param count 1: all layers read one tensor. 3: each reads its own */
function selfAttentionCase(title: string, sizes: plain.AttentionSizes, inner: number, count: 1 | 3): OpsCase {
  const { n, tokens, heads, dim, causal } = sizes
  const shape = [heads * dim, inner]
  const names = ["q", "k", "v"]
  const weights = names.map((name) => values(`${name} weight`, shape, 1 / Math.sqrt(inner)))
  return {
    name: `selfAttention: ${title}`,
    inputs: names.slice(0, count).map((name) => input(`x ${name}`, [n, tokens, inner])),
    tolerance: TOLERANCE,
    async prepare(ops) {
      const layers: LinearWeight[] = []
      for (const weight of weights) layers.push(await ops.load.linear(entry("weight", shape, weight), null))
      return {
        run(...xs) {
          const each = names.map((_, i) => xs[i] ?? xs[0]) as readonly Tensor[] as QueryKeyValue<Tensor3D>
          return selfAttention(ops, each, layers as readonly LinearWeight[] as QueryKeyValue<LinearWeight>, {
            heads,
            causal,
          })
        },
        dispose() {
          for (const layer of layers) layer.dispose()
        },
      }
    },
    expected(...xs) {
      const [q, k, v] = weights.map((weight, i) =>
        plain.linear((xs[i] ?? xs[0]) as plain.Values, doubles(weight), null, inner),
      ) as [plain.Values, plain.Values, plain.Values]
      return plain.attention(q, k, v, sizes)
    },
  }
}
