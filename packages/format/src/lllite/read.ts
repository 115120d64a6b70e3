import { expectOpenFile } from "../argument.ts"
import type { Floats } from "../arrays.ts"
import { FormatError, show } from "../errors.ts"
import type { UnetLayout } from "../networks/unet-layout.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import type { Dtype } from "../safetensors/dtype.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import type { SafetensorsFile } from "../safetensors/read.ts"
import { openSafetensors } from "../safetensors/read.ts"
import type { SourceLike } from "../source.ts"
import { checkSitesFit, inferLayout, keyTable } from "./fit.ts"
import type { SiteTensors } from "./infer.ts"
import { inferSite } from "./infer.ts"
import type { Site, SiteTable } from "./site.ts"
import { SITE_KEY_PREFIX, siteTable } from "./site.ts"
import type { AdapterDims, SiteTensorName } from "./tensors.ts"
import {
  adapterParameterCount,
  dimsOf,
  isConditionerTensor,
  isSiteTensorName,
  sameDims,
  siteTensorKey,
  splitTrunkKey,
  TRUNK_PREFIX,
} from "./tensors.ts"

/** A site with an adapter in a file. */
export interface LlliteSite extends Site, AdapterDims {}

/** An open LLLite file. Every site is complete and every shape is right. Values are read on request. */
export interface LlliteFile {
  /** Label of the source, usually the file's name. */
  readonly label: string
  /** The file's adapters, in U-Net module order. */
  readonly sites: readonly LlliteSite[]
  /**
   * The U-Net of the file. It is the requested one, otherwise SDXL. If the widths or blocks are not SDXL's, it is the
   * smallest U-Net with the file's sites.
   */
  readonly layout: UnetLayout
  /** The widths of every adapter, or null when they differ between sites. */
  readonly dims: AdapterDims | null
  /** Parameters. A shared trunk counts once. */
  readonly parameterCount: number
  /** The dtypes of the adapters' tensors. */
  readonly dtypes: readonly Dtype[]
  /** Names of tensors that belong to no adapter, at most 10,000. They are not read. */
  readonly extraTensors: readonly string[]
  /** The number of tensors that belong to no adapter. */
  readonly extraTensorCount: number
  /** The file's metadata without changes. See `parseLlliteMetadata`. */
  readonly metadata: ReadonlyMap<string, string>
  /** The safetensors file, for raw bytes, dtypes and extra tensors. */
  readonly safetensors: SafetensorsFile
  /**
   * The values of one tensor of one adapter, in a fresh array. Its shape is `siteTensorShapes(site, site)`'s. The
   * conditioner of a site with a shared trunk is the trunk.
   *
   * @throws FormatError `tensor-unknown`, `source-short-read`
   */
  readonly tensor: (site: Pick<Site, "key">, name: SiteTensorName) => Promise<Floats>
}

/** Options of {@link readLllite}. */
export interface ReadLlliteOptions {
  /** The U-Net that the file has to fit. Default: any U-Net with SDXL's proportions. */
  readonly layout?: UnetLayout
}

/**
 * Opens an LLLite file by its header. Widths follow from the tensors' shapes, site by site, because the format stores
 * them nowhere else. The sites of a file may differ in width.
 *
 * @throws FormatError `wrong-kind` for files of other kinds (`expectLllite` of `@lllite/format/identify` says which);
 * `site-*` when an adapter is incomplete or does not fit its place; and as `openSafetensors`
 */
export async function readLllite(input: SourceLike, options: ReadLlliteOptions = {}): Promise<LlliteFile> {
  return llliteOf(await openSafetensors(input), options)
}

/**
 * Reads an LLLite from an open file. See {@link readLllite}.
 *
 * @throws FormatError `wrong-kind`, `site-*`
 */
export function llliteOf(safetensors: SafetensorsFile, options: ReadLlliteOptions = {}): LlliteFile {
  expectOpenFile(safetensors)
  const { label, metadata } = safetensors
  // Programs without types may give null.
  const fitting = options?.layout
  let table = siteTable(SDXL_LAYOUT)
  let grouped = groupBySite(safetensors.tensors, table)
  if (grouped.extraTensorCount > 0) {
    table = keyTable(fitting)
    grouped = groupBySite(safetensors.tensors, table)
  }
  const { bySite, extraTensors, extraTensorCount } = grouped
  if (bySite.size === 0) throw noKnownSite(safetensors)
  const sites = [...bySite].map(([site, tensors]) => inferSite(site, tensors, label))
  if (fitting !== undefined) checkSitesFit(sites, fitting, label)
  const layout = fitting ?? inferLayout(sites, label, table.byKey)
  const byKey = new Map(sites.map((site) => [site.key, site]))

  return {
    label,
    sites,
    layout,
    dims: commonDims(sites),
    parameterCount: adapterParameterCount(sites),
    dtypes: [...new Set([...bySite.values()].flatMap((tensors) => [...tensors.values()].map(({ dtype }) => dtype)))],
    extraTensors,
    extraTensorCount,
    metadata,
    safetensors,
    tensor: ({ key }, name) => {
      const site = byKey.get(key)
      return safetensors.readFloat32(site === undefined ? `${key}.${name}` : siteTensorKey(site, name))
    },
  }
}

type SiteOfFile = Site & Pick<AdapterDims, "sharedTrunk">

/**
 * Sites in module order with their tensors, and the names of all other tensors. A site without a conditioner has the
 * trunk's of its depth.
 */
function groupBySite(
  tensors: ReadonlyMap<string, TensorInfo>,
  table: SiteTable,
): { bySite: ReadonlyMap<SiteOfFile, SiteTensors>; extraTensors: string[]; extraTensorCount: number } {
  const byKey = new Map<string, Map<SiteTensorName, TensorInfo>>()
  const trunks = new Map<Site["depth"], Map<SiteTensorName, TensorInfo>>()
  const extraTensors: string[] = []
  let extraTensorCount = 0
  const leaveOut = (name: string): void => {
    // A file may have a million of these names.
    if (extraTensorCount++ < 10_000) extraTensors.push(name)
  }
  for (const [name, info] of tensors) {
    const inTrunk = name.startsWith(TRUNK_PREFIX) ? splitTrunkKey(name) : null
    if (inTrunk !== null) {
      const ofDepth = trunks.get(inTrunk.depth) ?? new Map<SiteTensorName, TensorInfo>()
      trunks.set(inTrunk.depth, ofDepth.set(inTrunk.name, info))
      continue
    }
    // A site's key has no dot, so the first one ends it.
    const dot = name.indexOf(".")
    const key = name.slice(0, dot)
    const rest = name.slice(dot + 1)
    if (dot < 0 || !table.byKey.has(key) || !isSiteTensorName(rest)) {
      leaveOut(name)
      continue
    }
    const ofSite = byKey.get(key) ?? new Map<SiteTensorName, TensorInfo>()
    byKey.set(key, ofSite.set(rest, info))
  }
  const bySite = new Map<SiteOfFile, SiteTensors>()
  const used = new Set<Site["depth"]>()
  for (const site of table.sites) {
    const ofSite = byKey.get(site.key)
    if (ofSite === undefined) continue
    const trunk = [...ofSite.keys()].some(isConditionerTensor) ? undefined : trunks.get(site.depth)
    if (trunk === undefined) bySite.set(site, ofSite)
    else bySite.set({ ...site, sharedTrunk: true }, new Map([...trunk, ...ofSite]))
    if (trunk !== undefined) used.add(site.depth)
  }
  for (const [depth, trunk] of trunks) if (!used.has(depth)) for (const { name } of trunk.values()) leaveOut(name)
  return { bySite, extraTensors, extraTensorCount }
}

function commonDims(sites: readonly LlliteSite[]): AdapterDims | null {
  const [first] = sites
  if (first === undefined) return null
  const dims = dimsOf(first)
  return sites.every((site) => sameDims(dimsOf(site), dims)) ? dims : null
}

function noKnownSite({ tensors, label }: SafetensorsFile): FormatError {
  const [first = ""] = tensors.keys()
  for (const name of tensors.keys()) {
    if (!name.startsWith(SITE_KEY_PREFIX)) continue
    const what = `no tensor belongs to a place of an SDXL U-Net where an LLLite attaches: not ${show(name)}`
    const expected = `${SITE_KEY_PREFIX}input_blocks_4_1_transformer_blocks_0_attn1_to_q.down.0.weight`
    return new FormatError("site-unknown", `${what}; expected names such as ${expected}`, { source: label })
  }
  const what = `expected a ControlNet-LLLite for SDXL, whose tensors' names begin with ${SITE_KEY_PREFIX}`
  const advice = "identify() of @lllite/format/identify says what the file is."
  return new FormatError("wrong-kind", `${what}; the first here is ${show(first)}. ${advice}`, { source: label })
}
