import type { SiteTensorName } from "@lllite/format"
import { siteStrength } from "@lllite/format/health"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { toFileLayout } from "../models/lllite/layout.ts"

/**
 * Limits what each site of an LLLite adds, in place. Where a site would add more than `most` times its layer's input, by
 * the estimate of the health check (`siteStrength`), its `up` is scaled down. What a site adds is proportional to its
 * `up`. The limit of a norm after each update is known from LoRAs: sd-scripts' `scale_weight_norms`.
 */
export function limitSites({ adapters, slots, values }: LlliteModel, most: number): void {
  const byName = new Map(slots.map((slot) => [`${slot.plan.site.key}.${slot.name}`, slot]))
  for (const { site } of adapters) {
    const valuesOf = (name: SiteTensorName): Float32Array => {
      const { offset = 0, size = 0 } = byName.get(`${site.key}.${name}`) ?? {}
      return values.subarray(offset, offset + size)
    }
    const { strength } = siteStrength(site, (name) =>
      toFileLayout(valuesOf(name), byName.get(`${site.key}.${name}`)?.fileShape ?? []),
    )
    if (!(strength > most)) continue
    for (const name of ["up.0.weight", "up.0.bias"] as const) {
      const up = valuesOf(name)
      for (let i = 0; i < up.length; i++) up[i] = ((up[i] ?? 0) * most) / strength
    }
  }
}
