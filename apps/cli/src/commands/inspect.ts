import type { SafetensorsFile, TensorInfo } from "@lllite/format"
import {
  DEFAULT_SELECTION,
  identify,
  NAMED_SELECTIONS,
  openSafetensors,
  parseLlliteMetadata,
  readLllite,
  SDXL_LAYOUT,
  type SiteSelection,
  sameLayout,
} from "@lllite/format"
import { withPath } from "@lllite/runtime-node/files"

/** What `inspect` says of a file; with `--json` just this. */
export interface FileReport {
  readonly file: string
  readonly kind: string
  readonly detail: string
  readonly bytes: number
  readonly tensors: number
  readonly parameters: number
  /** How many tensors there are of each dtype. */
  readonly dtypes: Readonly<Record<string, number>>
  readonly metadata: Readonly<Record<string, string>>
  readonly lllite?: LlliteReport
  readonly sdxl?: SdxlReport
}

interface LlliteReport {
  readonly sites: number
  readonly condDim: number | null
  readonly mlpDim: number | null
  /** Name of the selection that takes just these sites, or null. */
  readonly selection: string | null
  readonly isForSdxl: boolean
  readonly modelChannels: number
  readonly blocks: Readonly<Record<string, number>>
  readonly extraTensors: readonly string[]
  readonly unreadableMetadata: readonly string[]
}

interface SdxlReport {
  /** Width of the U-Net's first level; 320 in SDXL. */
  readonly modelChannels: number
  readonly contextDim: number
  readonly isTiny: boolean
}

/**
 * Says what a safetensors file is, by its header alone.
 *
 * @throws InputError when it cannot be read; FormatError when it is broken
 */
export async function inspectFile(path: string): Promise<FileReport> {
  return withPath(path, async (source) => {
    const file = await openSafetensors(source)
    const { kind, detail } = identify(file)
    const infos = [...file.tensors.values()]
    const dtypes: Record<string, number> = {}
    for (const { dtype } of infos) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1
    const sdxl = kind === "sdxl-checkpoint" ? describeSdxl(file) : null
    return {
      file: path,
      kind,
      detail: sdxl?.isTiny ? "the tiny SDXL: an SDXL checkpoint in miniature" : detail,
      bytes: file.size,
      tensors: infos.length,
      parameters: infos.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
      dtypes,
      metadata: Object.fromEntries(file.metadata),
      ...(kind === "lllite" ? { lllite: describeLllite(await readLllite(source)) } : {}),
      ...(sdxl === null ? {} : { sdxl }),
    }
  })
}

/** A report in lines for people. */
export function formatReport(report: FileReport): string {
  const { lllite, sdxl } = report
  const lines: [string, string][] = [
    ["file", report.file],
    ["kind", `${report.kind}: ${report.detail}`],
    ["size", `${report.bytes.toLocaleString("en")} bytes`],
    [
      "tensors",
      `${report.tensors}, ${Object.entries(report.dtypes)
        .map(([dtype, count]) => `${count} of ${dtype}`)
        .join(", ")}`,
    ],
    ["parameters", report.parameters.toLocaleString("en")],
  ]
  if (lllite !== undefined) {
    lines.push(
      ["for", lllite.isForSdxl ? "SDXL" : `a U-Net of ${lllite.modelChannels} channels (SDXL has 320)`],
      [
        "sites",
        `${lllite.sites}: ${Object.entries(lllite.blocks)
          .map(([block, count]) => `${count} in ${block}`)
          .join(", ")}`,
      ],
      ["dims", `condDim ${lllite.condDim ?? "differs"}, mlpDim ${lllite.mlpDim ?? "differs"}`],
      ["selection", lllite.selection ?? "none with a name"],
    )
    if (lllite.extraTensors.length > 0) lines.push(["not read", `${lllite.extraTensors.length} tensors of no adapter`])
    for (const key of lllite.unreadableMetadata) lines.push(["unreadable", key])
  }
  if (sdxl !== undefined) {
    lines.push(["widths", `${sdxl.modelChannels} channels (SDXL has 320), context ${sdxl.contextDim} (SDXL has 2048)`])
  }
  const width = Math.max(...lines.map(([name]) => name.length))
  const metadata = Object.entries(report.metadata).map(([key, value]) => `  ${printable(key)} = ${printable(value)}`)
  return [
    ...lines.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`),
    metadata.length === 0 ? "no metadata" : "metadata",
    ...metadata,
  ].join("\n")
}

function describeLllite(file: Awaited<ReturnType<typeof readLllite>>): LlliteReport {
  const blocks: Record<string, number> = {}
  for (const { block } of file.sites) blocks[block] = (blocks[block] ?? 0) + 1
  return {
    sites: file.sites.length,
    condDim: file.dims?.condDim ?? null,
    mlpDim: file.dims?.mlpDim ?? null,
    selection: file.selection === null ? null : selectionName(file.selection),
    isForSdxl: sameLayout(file.layout, SDXL_LAYOUT),
    modelChannels: file.layout.modelChannels,
    blocks,
    extraTensors: file.extraTensors,
    unreadableMetadata: parseLlliteMetadata(file.metadata).unreadable,
  }
}

function selectionName(selection: SiteSelection): string {
  const same = (a: SiteSelection): boolean =>
    (Object.keys(DEFAULT_SELECTION) as (keyof SiteSelection)[]).every(
      (key) => key === "maxTransformerBlock" || a[key] === selection[key],
    )
  const name = Object.entries(NAMED_SELECTIONS).find(([, named]) => same(named))?.[0] ?? "unnamed"
  const limit = selection.maxTransformerBlock
  return limit === null ? name : `${name}, transformer blocks up to ${limit}`
}

/** Widths by the two tensors that every SDXL has; 0 for one that lacks them. */
function describeSdxl({ tensors }: SafetensorsFile): SdxlReport {
  const unet = "model.diffusion_model."
  const axis = (info: TensorInfo | undefined, index: number): number => info?.shape[index] ?? 0
  const modelChannels = axis(tensors.get(`${unet}input_blocks.0.0.weight`), 0)
  const cross = [...tensors].find(([name]) => name.startsWith(unet) && name.endsWith(".attn2.to_k.weight"))?.[1]
  return {
    modelChannels,
    contextDim: axis(cross, 1),
    isTiny: modelChannels > 0 && modelChannels < SDXL_LAYOUT.modelChannels,
  }
}

/** Text from a file, safe for a terminal: control characters escaped, long values cut. */
function printable(text: string): string {
  const limit = 400
  const cut = text.length > limit ? `${text.slice(0, limit)}… (${text.length} characters)` : text
  return cut.replaceAll(/\p{Cc}/gu, (character) =>
    JSON.stringify(character).slice(1, -1).replaceAll("\u007f", "\\u007f"),
  )
}
