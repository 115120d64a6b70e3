import type { LlliteFile, SafetensorsFile, TensorInfo } from "@lllite/format"
import { llliteOf, SDXL_LAYOUT, sameLayout, siteTable } from "@lllite/format"
import type { CheckpointTraits, FileIdentity } from "@lllite/format/identify"
import { identify, readCheckpointTraits } from "@lllite/format/identify"
import { parseLlliteMetadata } from "@lllite/format/modelspec"
import { compareSites, NAMED_SELECTIONS, takesSite } from "@lllite/format/selections"
import type { OpenLocation } from "@lllite/runtime-node/files"
import { openLocation } from "@lllite/runtime-node/files"
import { selectionName } from "../lllite-file/selection-name.ts"
import { describeControlNet } from "./controlnet.ts"
import type { HealthReport } from "./health.ts"

/** The result of `inspect`. `--json` prints exactly this. */
export interface FileReport extends FileIdentity {
  readonly file: string
  /** Size of the file, or the sum of a checkpoint's files. */
  readonly bytes: number
  readonly tensors: number
  readonly parameters: number
  /** Number of tensors of each dtype. */
  readonly dtypes: Readonly<Record<string, number>>
  readonly metadata: Readonly<Record<string, string>>
  /** Names of a checkpoint's files, where it has several. */
  readonly shards?: readonly string[]
  readonly lllite?: LlliteReport
  readonly controlNet?: ReturnType<typeof describeControlNet>
  readonly sdxl?: SdxlReport
  /** How a checkpoint or a U-Net of SDXL is to be run. */
  readonly running?: RunningReport
  /** With `--health`, of an LLLite. */
  readonly health?: HealthReport
}

export interface LlliteReport {
  readonly sites: number
  readonly condDim: number | null
  readonly mlpDim: number | null
  /** Sites that have the conditioner of their depth in common, instead of their own. */
  readonly sharedTrunkSites: number
  /** Sites whose conditioner reads a hole beside the picture. */
  readonly holeSites: number
  /** Sites whose conditioner reads latents of the control. */
  readonly latentSites: number
  /** Number of sites for each pair of widths. */
  readonly dims: readonly { readonly condDim: number; readonly mlpDim: number; readonly sites: number }[]
  readonly parameters: number
  readonly linearSites: number
  readonly convSites: number
  /** Name of the selection with exactly these sites, or null. */
  readonly selection: string | null
  readonly isForSdxl: boolean
  /** Widths of the layers that the sites feed, ascending; 640 and 1280 in SDXL. */
  readonly siteWidths: readonly number[]
  readonly blocks: Readonly<Record<string, number>>
  /** For each named selection: sites that the file lacks, and sites that only the file has. */
  readonly selections: Readonly<
    Record<string, { readonly missing: readonly string[]; readonly extra: readonly string[] }>
  >
  readonly siteDims: Readonly<Record<string, SiteReport>>
  readonly extraTensors: readonly string[]
  readonly extraTensorCount: number
  readonly unreadableMetadata: readonly string[]
}

interface SiteReport {
  readonly condDim: number
  readonly mlpDim: number
  readonly inDim: number
  readonly depth: number
  readonly conv: boolean
  readonly dtypes: readonly string[]
}

export interface SdxlReport {
  /** Width of the U-Net's first level; 320 in SDXL. */
  readonly modelChannels: number
  readonly contextDim: number
  readonly isTiny: boolean
}

/** What an SDXL says about how it is to be run. */
export interface RunningReport extends Omit<CheckpointTraits, "refusals"> {
  /** Whether the file has the part. For a U-Net alone, they are missing. */
  readonly hasVae: boolean
  readonly hasTextEncoders: boolean
  /** Why it cannot be run here. Empty: it can. */
  readonly refusals: readonly string[]
}

/** Options of {@link inspectFile}. */
export interface InspectOptions {
  /** Whether to read an LLLite's values, too. */
  readonly health?: boolean
  readonly signal?: AbortSignal
}

/**
 * Examines a safetensors file by its header. The file is on disk, on the web, on the Hugging Face Hub, or a checkpoint in
 * several files.
 *
 * @throws InputError when it cannot be read; FormatError when it is broken
 */
export async function inspectFile(location: string, options: InspectOptions = {}): Promise<FileReport> {
  const { signal } = options
  const { file, close } = await openLocation(location, signal === undefined ? {} : { signal })
  try {
    const identity = identify(file)
    const { kind } = identity
    const counts = countTensors(file.tensors)
    const sdxl = kind === "sdxl-checkpoint" ? describeSdxl(file) : null
    const running = kind === "sdxl-checkpoint" || kind === "sdxl-unet" ? describeRunning(file) : null
    const lllite = kind === "lllite" && !("shards" in file) ? llliteOf(file) : null
    return {
      file: location,
      ...identity,
      detail: sdxl?.isTiny ? "the tiny SDXL: an SDXL checkpoint in miniature" : identity.detail,
      bytes: file.size,
      ...counts,
      metadata: Object.fromEntries(file.metadata),
      ...("shards" in file ? { shards: [...file.shards.keys()] } : {}),
      ...(lllite === null ? {} : { lllite: describeLllite(lllite) }),
      ...(kind === "controlnet" ? { controlNet: describeControlNet(file) } : {}),
      ...(sdxl === null ? {} : { sdxl }),
      ...(running === null ? {} : { running }),
      ...(lllite === null || options.health !== true ? {} : { health: await examine(lllite) }),
    }
  } finally {
    await close()
  }
}

async function examine(lllite: LlliteFile): Promise<HealthReport> {
  const { reportHealth } = await import("./health.ts")
  return reportHealth(lllite)
}

function describeRunning({ tensors, metadata, label }: OpenLocation["file"]): RunningReport {
  const starts = (prefix: string): boolean => {
    for (const name of tensors.keys()) if (name.startsWith(prefix)) return true
    return false
  }
  return {
    ...readCheckpointTraits({ tensors, metadata, label }),
    hasVae: starts("first_stage_model."),
    hasTextEncoders: starts("conditioner.embedders.0.") && starts("conditioner.embedders.1."),
  }
}

/** Visits every tensor only once, since there may be a million. */
function countTensors(tensors: ReadonlyMap<string, TensorInfo>): Pick<FileReport, "tensors" | "parameters" | "dtypes"> {
  const dtypes = new Map<string, number>()
  let parameters = 0
  for (const { dtype, shape } of tensors.values()) {
    dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + 1)
    let count = 1
    for (const size of shape) count *= size
    parameters += count
  }
  return { tensors: tensors.size, parameters, dtypes: Object.fromEntries(dtypes) }
}

function describeLllite(file: LlliteFile): LlliteReport {
  const { sites, safetensors, layout } = file
  const blocks = new Map<string, number>()
  const dims = new Map<string, LlliteReport["dims"][number]>()
  const dtypesOf = new Map<string, Set<string>>()
  for (const [name, { dtype }] of safetensors.tensors) {
    const key = name.slice(0, name.indexOf("."))
    dtypesOf.set(key, (dtypesOf.get(key) ?? new Set()).add(dtype))
  }
  const siteDims: [string, SiteReport][] = []
  for (const { key, block, condDim, mlpDim, inDim, depth, conv } of sites) {
    blocks.set(block, (blocks.get(block) ?? 0) + 1)
    const pair = `${condDim} ${mlpDim}`
    dims.set(pair, { condDim, mlpDim, sites: (dims.get(pair)?.sites ?? 0) + 1 })
    siteDims.push([key, { condDim, mlpDim, inDim, depth, conv, dtypes: [...(dtypesOf.get(key) ?? [])] }])
  }
  const all = siteTable(layout).sites
  const selections = Object.entries(NAMED_SELECTIONS).map(([name, named]) => {
    const { missing, extra } = compareSites(
      sites,
      all.filter((site) => takesSite(named, site)),
    )
    return [name, { missing: missing.map(({ key }) => key), extra: extra.map(({ key }) => key) }] as const
  })
  const convSites = sites.filter(({ conv }) => conv).length
  return {
    sites: sites.length,
    condDim: file.dims?.condDim ?? null,
    mlpDim: file.dims?.mlpDim ?? null,
    dims: [...dims.values()],
    parameters: file.parameterCount,
    linearSites: sites.length - convSites,
    convSites,
    sharedTrunkSites: sites.filter(({ sharedTrunk }) => sharedTrunk === true).length,
    holeSites: sites.filter(({ condChannels }) => condChannels === 4).length,
    latentSites: sites.filter(({ condInput }) => condInput === "latent").length,
    selection: selectionName(sites, layout, file.metadata.get("lllite.sites")),
    isForSdxl: sameLayout(layout, SDXL_LAYOUT),
    siteWidths: [...new Set(sites.map(({ inDim }) => inDim))].toSorted((a, b) => a - b),
    blocks: Object.fromEntries(blocks),
    selections: Object.fromEntries(selections),
    siteDims: Object.fromEntries(siteDims),
    extraTensors: file.extraTensors,
    extraTensorCount: file.extraTensorCount,
    unreadableMetadata: parseLlliteMetadata(file.metadata).unreadable,
  }
}

/** Widths, read from two tensors that every SDXL has. A missing tensor gives 0. */
function describeSdxl({ tensors }: Pick<SafetensorsFile, "tensors">): SdxlReport {
  const unet = "model.diffusion_model."
  const axis = (info: TensorInfo | undefined, index: number): number => info?.shape[index] ?? 0
  const modelChannels = axis(tensors.get(`${unet}input_blocks.0.0.weight`), 0)
  let cross: TensorInfo | undefined
  for (const name of tensors.keys()) {
    if (!name.startsWith(unet) || !name.endsWith(".attn2.to_k.weight")) continue
    cross = tensors.get(name)
    break
  }
  return {
    modelChannels,
    contextDim: axis(cross, 1),
    isTiny: modelChannels > 0 && modelChannels < SDXL_LAYOUT.modelChannels,
  }
}
