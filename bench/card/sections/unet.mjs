// SDXL's U-Net with made-up weights: a forward pass, and one with an LLLite on 136 sites. Measured are the seconds, the
// host's seconds, the calls of WebGPU and the memory of the card.
import * as tf from "@tensorflow/tfjs"
import { disposeLllite, llliteTap, prepareControl, unet, uploadLllite } from "../../../packages/core/dist/models.js"
import { openClock } from "../measure/clock.mjs"
import { observe } from "../measure/observe.mjs"
import { loadMadeUp, sidesOf, startValues } from "../sdxl/made-up-sdxl.mjs"

export const run = (place) => measurePasses(place, "F32")

/** The passes with products of a precision. */
export async function measurePasses({ quick, start, write }, precision) {
  const loaded = await loadMadeUp({ quick, start, write, precision })
  if (loaded === null) return
  const { config, device, trim, ops, params, model } = loaded
  const clock = openClock(device)
  const lllite = uploadLllite(model)
  for (const side of sidesOf(quick)) {
    const normal = startValues()
    const tensor = (...shape) => tf.tensor(normal(...shape), shape)
    const input = {
      latents: tensor(1, side / 8, side / 8, config.inChannels),
      timesteps: [500],
      context: tensor(1, 77, config.contextDim),
      vector: tensor(1, config.pooledDim + 1536),
    }
    const control = prepareControl(ops, lllite, { count: 1, height: side, width: side, data: normal(side, side, 3) })
    const ways = [
      ["forward", {}],
      ["forward with LLLite", { tap: llliteTap(ops, lllite, control, 1) }],
    ]
    for (const [what, options] of ways) {
      const work = async () => {
        const y = unet(ops, params, input, options)
        const values = await y.data()
        y.dispose()
        expectNumbers(values)
      }
      write({ what, side, ...(await observe(clock, quick ? 1 : 3, work)) })
    }
    control.dispose()
    tf.dispose([input.latents, input.context, input.vector])
    trim()
  }
  disposeLllite(lllite)
}

/** The result has no meaning, but its values must be finite and not all zero. */
function expectNumbers(values) {
  let greatest = 0
  for (const value of values) {
    if (!Number.isFinite(value)) throw new Error(`the U-Net's result has a value ${value}`)
    greatest = Math.max(greatest, Math.abs(value))
  }
  if (greatest === 0) throw new Error("the U-Net's result is all zeros")
}
