import { createWindowReader, planSampling } from "@lllite/core"
import { createNoiseSchedule } from "@lllite/core/diffusion"
import { blocksOf } from "@lllite/core/names"
import type { AdapterRecipe, Recipe } from "@lllite/core/recipe"
import { adapterOptions, nameOnly } from "@lllite/core/recipe"
import type { AdapterHandle } from "@lllite/runtime-node"

/**
 * What of the steering of a picture has no effect, one sentence each: blocks in which an LLLite has no site, and windows
 * or curves that no step of the run reaches.
 */
export function steeringNotices(
  recipe: Recipe,
  handles: readonly Pick<AdapterHandle, "adapters">[],
): readonly string[] {
  return recipe.adapters.flatMap((adapter, i) => [
    ...blockNotices(adapter, handles[i]?.adapters ?? []),
    ...(recipe.start == null ? windowNotices(recipe, adapter) : []),
  ])
}

function blockNotices({ file, blocks = {} }: AdapterRecipe, sites: AdapterHandle["adapters"]): readonly string[] {
  const acted = new Set<string>(sites.map(({ site }) => site.block))
  const idle = Object.keys(blocks).filter((key) => blocksOf(key)?.some((name) => acted.has(name)) !== true)
  if (idle.length === 0) return []
  const names = idle.map((key) => `"${key}"`).join(", ")
  return [
    `"${nameOnly(file).path}" does not act in ${names}, so a strength there has no effect. It acts in ${[...acted].join(", ")}.`,
  ]
}

function windowNotices({ steps, sampler, spacing }: Recipe, adapter: AdapterRecipe): readonly string[] {
  const { strength, window } = adapter
  const plan = planSampling({ steps, sampler, spacing })
  const windowsAt = createWindowReader(createNoiseSchedule(), plan.sampler.name)
  const settings = adapterOptions(adapter)
  const acts = plan.levels.timesteps.some((timestep, step) => {
    const sigma = plan.levels.sigmas[step] ?? 0
    return windowsAt({ step, steps: plan.levels.timesteps.length, between: false, sigma, timestep })(settings) !== 0
  })
  if (acts || strength === 0) return []
  const curve = adapter.curve === undefined ? "" : " with its curve"
  return [
    `"${nameOnly(adapter.file).path}" acts in no step: no step of ${steps} lies in its window from ${window.start} to ${window.end}${curve}.`,
  ]
}
