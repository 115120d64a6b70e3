// A training step of an LLLite on SDXL's U-Net with made-up weights. It uses gradient checkpointing, and AdamW on the
// host. It measures the same values as the section unet.
import { createNoiseSchedule } from "../../../packages/core/dist/diffusion.js"
import {
  DEFAULT_OPTIMIZER,
  initOptimizer,
  LLLITE,
  loadOptimizer,
  objective,
} from "../../../packages/core/dist/training.js"
import { openClock } from "../measure/clock.mjs"
import { observe } from "../measure/observe.mjs"
import { watchMemory } from "../measure/out-of-memory.mjs"
import { loadMadeUp, sidesOf, startValues } from "../sdxl/made-up-sdxl.mjs"

export const run = (place) => measureStep(place, "F32")

/** The step with values and products of a precision. */
export async function measureStep({ quick, start, write }, precision) {
  let memory = null
  let side = null
  const watched = async (...args) => {
    const started = await start(...args)
    memory = watchMemory(started.device)
    return started
  }
  try {
    const loaded = await loadMadeUp({ quick, start: watched, write, precision })
    if (loaded === null) return
    for (side of sidesOf(quick)) {
      write({ what: "training step with recompute", side, ...(await observeStep(loaded, side, quick)) })
      loaded.trim()
    }
  } catch (error) {
    if (!memory?.ranOut(error)) throw error
    // The card's memory is too small. This is not an error, and the rest of the section is skipped.
    const what = side === null ? "loading the U-Net" : `a training step at ${side} px`
    write({ skipped: `${what} takes more memory than the card has: ${error.message.split("\n")[0]}` })
  }
}

function observeStep({ config, device, ops, params, model }, side, quick) {
  const normal = startValues()
  const example = {
    ...{ width: side, height: side, latents: normal(side / 8, side / 8, config.inChannels) },
    control: { width: side, height: side, data: Uint8Array.from({ length: 3 * side * side }, (_, i) => (7 * i) % 256) },
    context: normal(77, config.contextDim),
    vector: normal(config.pooledDim + 1536),
  }
  const sdxl = { ops, unet: params, prediction: "epsilon" }
  const schedule = createNoiseSchedule()
  const state = initOptimizer(DEFAULT_OPTIMIZER)
  const optimizer = loadOptimizer(model.values, state, DEFAULT_OPTIMIZER)
  const rows = { seed: 1, step: 0, firstRow: 0, examples: [example] }
  return observe(openClock(device), quick ? 1 : 2, async () => {
    const { loss, gradients } = await objective(sdxl, schedule, LLLITE, model, rows, { gradientCheckpointing: true })
    if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`)
    if (!gradients.every(Number.isFinite)) throw new Error("a gradient is not finite")
    await optimizer.step(gradients, 1e-4)
  })
}
