import type { SiteTensorName } from "@lllite/format"
import { type ControlValues, LINES, siteStrength } from "@lllite/format/health"
import { checkArgument } from "../argument.ts"
import { expectRgb, type RgbImage } from "../image.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { checkModel, tensorKey, toFileLayout } from "../models/lllite/layout.ts"

/**
 * Limits what each site of an LLLite adds, in place. Where a site would add more than `most` times its layer's input, by
 * the estimate of the health check (`siteStrength`), its `up` is scaled down. What a site adds is proportional to its
 * `up`. The limit of a norm after each update is known from LoRAs: sd-scripts' `scale_weight_norms`.
 *
 * @param control the values of the control pictures. Default: noise. Sites that read latents do not use it
 */
export function limitSites(lllite: LlliteModel, most: number, control?: ControlValues): void {
  checkModel("training", lllite)
  checkArgument("training: the limit", most, "a finite number")
  const { adapters, slots, values } = lllite
  const byName = new Map(slots.map((slot) => [slot.key, slot]))
  for (const plan of adapters) {
    const valuesOf = (name: SiteTensorName): Float32Array => {
      const { offset = 0, size = 0 } = byName.get(tensorKey(plan, name)) ?? {}
      return values.subarray(offset, offset + size)
    }
    const tensor = (name: SiteTensorName): Float32Array =>
      toFileLayout(valuesOf(name), byName.get(tensorKey(plan, name))?.fileShape ?? [])
    const { strength } = siteStrength({ ...plan.site, ...plan }, tensor, control)
    if (!(strength > most)) continue
    for (const name of ["up.0.weight", "up.0.bias"] as const) {
      const up = valuesOf(name)
      for (let i = 0; i < up.length; i++) up[i] = ((up[i] ?? 0) * most) / strength
    }
  }
}

/** The most pixels that are read for the values of controls. The first control is always read whole. */
const MOST_PIXELS = 2 ** 20

/** Mean and variance of the values of control pictures, from -1 to 1. */
export function controlValues(controls: readonly RgbImage[]): ControlValues {
  checkArgument("controls: the pictures", controls, "a list")
  for (const control of controls) expectRgb(control)
  let [count, sum, squares] = [0, 0, 0]
  for (const { data } of controls) {
    if (count > 3 * MOST_PIXELS) break
    for (const byte of data) {
      const value = byte / 127.5 - 1
      sum += value
      squares += value * value
    }
    count += data.length
  }
  const mean = sum / count
  return { mean, variance: Math.max(0, squares / count - mean * mean) }
}

/**
 * The values by which a run limits its sites. Controls that are darker than the lines of the health check count as those
 * lines, so that the check agrees with the limit.
 */
export function limitingValues(controls: readonly RgbImage[]): ControlValues {
  const values = controlValues(controls)
  return values.mean < LINES.mean ? LINES : values
}
