// Compares a case of cases.mjs with float64, then times it: forward, and with its gradient.
import * as tf from "@tensorflow/tfjs"
import { relativeError } from "../measure/check.mjs"
import { secondsOfRun } from "../measure/clock.mjs"

/**
 * @param options
 *   clock, span  see `secondsOfRun`. A span of null does not time.
 *   tolerance    Largest allowed error relative to the greatest value: `{ forward, gradient }`
 *   half         Whether inputs, results and slopes are stored in float16. Default: false
 * @throws WrongValue for a value that is wrong. It is then not timed
 */
export async function measureVerb(verb, ops, { clock, span, tolerance, half = false }, write) {
  const { name, flops, inputs, dy, gradient = true, prepare, forward, back } = verb
  const stored = ({ shape, values }) =>
    tf.tidy(() => (half ? ops.narrow(tf.tensor(values, shape)) : tf.tensor(values, shape)))
  const tensors = inputs.map(stored)
  const slopes = stored(dy)
  const { run, dispose } = await prepare(ops)
  const passes = [
    {
      ...{ pass: "forward", work: flops[0], expected: [forward], allowed: tolerance.forward },
      compute: () => [run(...tensors)],
    },
    {
      ...{ pass: "forward and gradient", work: flops[0] + flops[1], expected: back, allowed: tolerance.gradient },
      compute: () => tf.grads((...args) => run(...args))(tensors, slopes),
    },
  ]
  try {
    for (const { pass, work, expected, allowed, compute } of gradient ? passes : passes.slice(0, 1)) {
      spoil(ops, pass === "forward" ? [dy.shape] : inputs.map(({ shape }) => shape), half)
      const maxRelError = await check(`${name}, ${pass}`, tf.tidy(compute), expected, allowed)
      const row = { pass, maxRelError, tolerance: allowed }
      if (span === null) {
        write(row)
        continue
      }
      const runs = async (count) => {
        for (let i = 0; i < count; i++) tf.dispose(tf.tidy(compute))
        await submitted(ops)
      }
      const seconds = await secondsOfRun(clock, runs, { span })
      write({ ...row, seconds, gflops: work / seconds / 1e9, clock: clock.name })
    }
  } finally {
    dispose()
    tf.dispose([tensors, slopes])
  }
}

/** Leaves wrong values in idle buffers, so that values of an earlier run do not count as right. */
function spoil(ops, shapes, half) {
  const wrong = (shape) => tf.tidy(() => (half ? ops.narrow(tf.fill(shape, 1e9)) : tf.fill(shape, 1e9)))
  tf.dispose(shapes.flatMap((shape) => Array.from({ length: 4 }, () => wrong(shape))))
}

/** The greatest error of some tensors, which are disposed. */
async function check(what, tensors, expected, tolerance) {
  const errors = []
  for (const [i, tensor] of tensors.entries()) {
    const { places, values } = expected[i]()
    errors.push(relativeError(`${what}, tensor ${i}`, await tensor.data(), values, tolerance, places))
  }
  tf.dispose(tensors)
  return Math.max(...errors)
}

/** Reading any value submits all commands recorded before. */
async function submitted(ops) {
  const one = tf.tidy(() => ops.relu(tf.ones([1])))
  await one.data()
  one.dispose()
}
