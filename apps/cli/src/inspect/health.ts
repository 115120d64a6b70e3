import type { LlliteFile } from "@lllite/format"
import type { AdapterPart, BlockHealth, Finding } from "@lllite/format/health"
import { checkLllite } from "@lllite/format/health"

/** An LLLite's health for JSON. A value that is not a number is null. */
export interface HealthReport {
  readonly findings: readonly Finding[]
  readonly blocks: readonly (Omit<BlockHealth, "strength" | "controlStrength" | "norms"> & Measures)[]
  readonly sites: Readonly<Record<string, SiteMeasures>>
}

interface Measures {
  readonly strength: number | null
  readonly controlStrength: number | null
  readonly norms: Readonly<Record<AdapterPart, number | null>>
}

interface SiteMeasures extends Measures {
  readonly nanCount: number
  readonly infinityCount: number
  readonly largestValue: number | null
  readonly largestActivation: number | null
}

/** Reads the values of an LLLite and examines them. */
export async function reportHealth(lllite: LlliteFile): Promise<HealthReport> {
  const { findings, blocks, sites } = await checkLllite(lllite)
  return {
    findings,
    blocks: blocks.map(({ block, siteCount, ...measured }) => ({ block, siteCount, ...measures(measured) })),
    sites: Object.fromEntries(
      sites.map(({ site, nanCount, infinityCount, largestValue, largestActivation, ...measured }) => [
        site.key,
        {
          ...measures(measured),
          nanCount,
          infinityCount,
          largestValue: finite(largestValue),
          largestActivation: finite(largestActivation),
        },
      ]),
    ),
  }
}

function measures({ strength, controlStrength, norms }: Omit<BlockHealth, "block" | "siteCount">): Measures {
  const { conditioning1, down, mid, up } = norms
  return {
    strength: finite(strength),
    controlStrength: finite(controlStrength),
    norms: { conditioning1: finite(conditioning1), down: finite(down), mid: finite(mid), up: finite(up) },
  }
}

/** Rounds to four digits. An estimate is not more precise. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : null
}
