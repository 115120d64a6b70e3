import { listText } from "@lllite/core/names"
import { countText, few, plural, printable, sizeText, table } from "../terminal/text.ts"
import { controlNetLines } from "./controlnet.ts"
import type { HealthReport } from "./health.ts"
import type { FileReport, LlliteReport, RunningReport } from "./run.ts"

/** A report as text. */
export function formatReport(report: FileReport): string {
  const { lllite, sdxl, shards, health, base } = report
  const lines: [string, string][] = [
    ["file", report.file],
    ["kind", `${report.kind}: ${report.detail}`],
    ...(base === null ? [] : [["base", BASES[base]] satisfies [string, string]]),
    [
      "size",
      report.bytes < 1024 ? sizeText(report.bytes) : `${sizeText(report.bytes)} (${countText(report.bytes)} bytes)`,
    ],
    ["tensors", [String(report.tensors), ...counts(report.dtypes, "of")].join(", ")],
    ["parameters", countText(report.parameters)],
  ]
  if (shards !== undefined) lines.push(["files", `${shards.length}: ${few(shards)}`])
  if (lllite !== undefined) lines.push(...llliteLines(lllite))
  if (report.controlNet !== undefined) lines.push(...controlNetLines(report.controlNet))
  if (sdxl !== undefined) {
    lines.push(["widths", `${sdxl.modelChannels} channels (SDXL has 320), context ${sdxl.contextDim} (SDXL has 2048)`])
  }
  if (report.running !== undefined) lines.push(...runningLines(report.running))
  const width = Math.max(...lines.map(([name]) => name.length))
  const metadata = Object.entries(report.metadata).map(([key, value]) => `  ${printable(key)} = ${printable(value)}`)
  return [
    ...lines.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`),
    metadata.length === 0 ? "no metadata" : "metadata",
    ...metadata,
    ...(health === undefined ? [] : healthLines(health)),
  ].join("\n")
}

function runningLines(running: RunningReport): [string, string][] {
  const { prediction, saidBy, zeroTerminalSnr, scaledWeights, refusals, notices } = running
  const quantity = prediction === "v" ? "velocity (v-prediction)" : "noise (epsilon)"
  const schedule = zeroTerminalSnr ? ", with zero terminal SNR" : ""
  const missing = running.hasTextEncoders
    ? running.hasVae
      ? []
      : ["a VAE: give one with --vae"]
    : ["text encoders: give this file with --unet, beside a checkpoint"]
  return [
    [
      "predicts",
      saidBy === null ? `${quantity}, as most do. The file does not say it` : `${quantity}${schedule}, by ${saidBy}`,
    ],
    ...missing.map((text): [string, string] => ["lacks", text]),
    ...(scaledWeights > 0
      ? [["scales", `${plural(scaledWeights, "weight")} with a scale, which is applied`] satisfies [string, string]]
      : []),
    ...refusals.map((text): [string, string] => ["not run", text]),
    ...notices.map((text): [string, string] => ["note", text]),
  ]
}

const BASES = {
  sd1: "Stable Diffusion 1",
  sd2: "Stable Diffusion 2",
  sdxl: "SDXL",
  sd3: "Stable Diffusion 3",
  flux: "Flux",
  anima: "Anima",
} as const

function llliteLines(lllite: LlliteReport): [string, string][] {
  const { dims, convSites, linearSites } = lllite
  const kinds = convSites === 0 ? "all linear" : `${linearSites} linear, ${convSites} convolutions`
  const lines: [string, string][] = [
    [
      "for",
      lllite.isForSdxl
        ? "SDXL"
        : `a U-Net of another layout, whose sites are ${listText(lllite.siteWidths, "and")} wide`,
    ],
    ["sites", `${lllite.sites}: ${counts(lllite.blocks, "in").join(", ")}; ${kinds}`],
    [
      "dims",
      dims
        .map(({ condDim, mlpDim, sites }) => {
          const where = dims.length === 1 ? "" : ` at ${plural(sites, "site")}`
          return `condDim ${condDim}, mlpDim ${mlpDim}${where}`
        })
        .join("; "),
    ],
    ...(lllite.sharedTrunkSites === 0
      ? []
      : [
          [
            "conditioner",
            `shared by the sites of each depth, at ${plural(lllite.sharedTrunkSites, "site")}`,
          ] satisfies [string, string],
        ]),
    ...(lllite.holeSites === 0
      ? []
      : [
          [
            "control",
            `with the hole to fill in as a fourth channel, at ${plural(lllite.holeSites, "site")}`,
          ] satisfies [string, string],
        ]),
    ...(lllite.latentSites === 0
      ? []
      : [
          [
            "control",
            `as latents, which the VAE of the checkpoint makes, at ${plural(lllite.latentSites, "site")}`,
          ] satisfies [string, string],
        ]),
    ["selection", lllite.selection ?? nearest(lllite)],
  ]
  if (lllite.extraTensorCount > 0) {
    const names = few(lllite.extraTensors)
    lines.push(["not read", `${plural(lllite.extraTensorCount, "tensor")} that do not belong to an adapter: ${names}`])
  }
  for (const key of lllite.unreadableMetadata) lines.push(["unreadable", key])
  return lines
}

/** The nearest named selection, with the differences. */
function nearest({ selections }: LlliteReport): string {
  const [best] = Object.entries(selections).toSorted(
    ([, a], [, b]) => a.missing.length + a.extra.length - b.missing.length - b.extra.length,
  )
  if (best === undefined) return "without a name"
  const [name, { missing, extra }] = best
  const differences = [
    ...(missing.length > 0 ? [`lacks ${missing.length} (${few(missing)})`] : []),
    ...(extra.length > 0 ? [`has ${extra.length} more (${few(extra)})`] : []),
  ]
  return `without a name. The nearest is ${name}, of which it ${listText(differences, "and")}`
}

function healthLines({ findings, blocks }: HealthReport): string[] {
  const number = (value: number | null): string => (value === null ? "not a number" : value.toPrecision(3))
  const rows = blocks.map(({ block, siteCount, strength, controlStrength, norms }) => [
    `  ${block}`,
    String(siteCount),
    number(strength),
    number(controlStrength),
    number(norms.conditioning1),
    number(norms.down),
    number(norms.mid),
    number(norms.up),
  ])
  return [
    "health",
    ...(findings.length === 0 ? ["  no problems found"] : []),
    ...findings.map(({ severity, advice }) => `  ${severity}: ${printable(advice)}`),
    table([["  block", "sites", "strength", "by control", "|conditioning|", "|down|", "|mid|", "|up|"], ...rows]),
  ]
}

function counts(values: Readonly<Record<string, number>>, word: string): readonly string[] {
  return Object.entries(values).map(([name, count]) => `${count} ${word} ${name}`)
}
