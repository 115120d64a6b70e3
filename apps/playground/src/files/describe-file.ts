import type { LlliteFile, SourceLike, TensorInfo } from "@lllite/format"
import { llliteOf, openSafetensors, SDXL_LAYOUT, sameLayout } from "@lllite/format"
import type { BlockHealth, Finding } from "@lllite/format/health"
import { checkLllite } from "@lllite/format/health"
import type { CheckpointTraits, ControlType, FileIdentity } from "@lllite/format/identify"
import { controlTypesOf, identify, readCheckpointTraits, readControlNet } from "@lllite/format/identify"
import { parseLlliteMetadata } from "@lllite/format/modelspec"
import { compareSites, enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"

/** The description of a safetensors file, in a form that a worker can send. */
export interface FileDescription {
  readonly name: string
  readonly bytes: number
  readonly identity: FileIdentity
  readonly tensorCount: number
  readonly parameters: number
  /** Number of tensors of each dtype. */
  readonly dtypes: ReadonlyMap<string, number>
  readonly metadata: ReadonlyMap<string, string>
  /** The first tensors, by name. */
  readonly tensors: readonly Pick<TensorInfo, "name" | "dtype" | "shape">[]
  readonly lllite: LlliteDescription | null
  /** The control types of a ControlNet Union. Otherwise empty. */
  readonly controlTypes: readonly ControlType[]
  /** How a checkpoint or a U-Net of SDXL is to be run. Null for other files. */
  readonly traits: CheckpointTraits | null
}

/** The description of an LLLite. */
export interface LlliteDescription {
  readonly sites: number
  /** Widths of its sites as `conditioning / mlp`, each pair once. */
  readonly dims: readonly string[]
  /** Name of the selection with exactly these sites, or null. */
  readonly selection: string | null
  /** Whether its sites are those of the U-Net of SDXL. */
  readonly isForSdxl: boolean
  readonly title: string | null
  readonly preprocessor: string | null
  readonly blocks: readonly Pick<BlockHealth, "block" | "siteCount" | "strength" | "controlStrength">[]
  readonly findings: readonly Finding[]
  /** Names of the first tensors that belong to no site, and the number of all. */
  readonly extraTensors: readonly string[]
  readonly extraTensorCount: number
}

/** The largest number of tensors that are listed. */
const MOST_TENSORS = 200

/**
 * Describes a file by its header. The health of an LLLite comes from its values.
 *
 * @throws FormatError when the file is broken or not a safetensors file
 */
export async function describeFile(name: string, source: SourceLike): Promise<FileDescription> {
  const file = await openSafetensors(source)
  const identity = identify(file)
  const dtypes = new Map<string, number>()
  const tensors: FileDescription["tensors"][number][] = []
  let parameters = 0
  for (const { name, dtype, shape } of file.tensors.values()) {
    dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + 1)
    let count = 1
    for (const size of shape) count *= size
    parameters += count
    if (tensors.length < MOST_TENSORS) tensors.push({ name, dtype, shape })
  }
  const lllite = identity.kind === "lllite" ? await describeLllite(llliteOf(file)) : null
  const { size: bytes, metadata, label } = file
  const isSdxl = identity.kind === "sdxl-checkpoint" || identity.kind === "sdxl-unet"
  const traits = isSdxl ? readCheckpointTraits({ tensors: file.tensors, metadata, label: name || label }) : null
  const tensorCount = file.tensors.size
  const union = identity.kind === "controlnet" && identity.base === "sdxl" ? readControlNet(file).union : null
  return {
    name,
    bytes,
    identity,
    tensorCount,
    parameters,
    dtypes,
    metadata: new Map(metadata),
    tensors,
    lllite,
    controlTypes: union === null ? [] : controlTypesOf(union),
    traits,
  }
}

async function describeLllite(file: LlliteFile): Promise<LlliteDescription> {
  const { sites, layout } = file
  const isSame = (selection: (typeof NAMED_SELECTIONS)[keyof typeof NAMED_SELECTIONS]): boolean => {
    const { missing, extra } = compareSites(sites, enumerateSites(layout, selection))
    return missing.length + extra.length === 0
  }
  const { title = null, preprocessor = null } = parseLlliteMetadata(file.metadata)
  const { blocks, findings } = await checkLllite(file)
  return {
    sites: sites.length,
    dims: [...new Set(sites.map(({ condDim, mlpDim }) => `${condDim} / ${mlpDim}`))],
    selection: Object.entries(NAMED_SELECTIONS).find(([, selection]) => isSame(selection))?.[0] ?? null,
    isForSdxl: sameLayout(layout, SDXL_LAYOUT),
    title,
    preprocessor,
    blocks: blocks.map(({ block, siteCount, strength, controlStrength }) => ({
      block,
      siteCount,
      strength,
      controlStrength,
    })),
    findings,
    extraTensors: file.extraTensors,
    extraTensorCount: file.extraTensorCount,
  }
}
