import { SDXL_LAYOUT } from "@lllite/format"
import { controlTypesOf, expectControlNet, readControlNet } from "@lllite/format/identify"

/** What `inspect` says of a ControlNet. */
export interface ControlNetReport {
  /** Whose names its tensors have. */
  readonly names: "diffusers" | "original"
  /** Width of the first level; 320 in SDXL. */
  readonly modelChannels: number
  /** Transformer blocks of the three levels, then of the middle; 0, 2, 10 and 10 in SDXL. */
  readonly transformerBlocks: readonly number[]
  readonly contextDim: number
  readonly isForSdxl: boolean
  /** Control types of a ControlNet Union. Empty: it has one, which the file does not name. */
  readonly controlTypes: readonly string[]
  /** Tensors that are missing or of another shape, one phrase each. */
  readonly problems: readonly string[]
  /** Tensors that the network does not have. */
  readonly unused: readonly string[]
  /** Why it cannot be run here. Empty: it can. */
  readonly refusals: readonly string[]
}

/** Describes a ControlNet by its header. One for another base model is refused, with the way out. */
export function describeControlNet(
  file: Parameters<typeof readControlNet>[0],
): ControlNetReport | { readonly refusals: readonly string[] } {
  try {
    expectControlNet(file)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { refusals: [error.message] }
  }
  const { names, layout, union, problems, unused } = readControlNet(file)
  const { modelChannels, transformerDepth, middleDepth } = layout.unet
  return {
    ...{ names, modelChannels, contextDim: layout.widths.contextDim, problems, unused },
    transformerBlocks: [...transformerDepth, middleDepth],
    isForSdxl: modelChannels === SDXL_LAYOUT.modelChannels,
    controlTypes: union === null ? [] : controlTypesOf(union),
    refusals: problems.length === 0 ? [] : ["it is not whole"],
  }
}

/** Lines of a report, as name and value. */
export function controlNetLines(report: ReturnType<typeof describeControlNet>): [string, string][] {
  const refusals = report.refusals.map((text): [string, string] => ["not run", text])
  if (!("names" in report)) return refusals
  const { names, modelChannels, transformerBlocks, contextDim, isForSdxl, controlTypes, problems, unused } = report
  const shown = (list: readonly string[]): string =>
    list.slice(0, 3).join("; ") + (list.length > 3 ? `; and ${list.length - 3} more` : "")
  return [
    ["names", names === "diffusers" ? "those of diffusers" : "the original ones, as A1111 and ComfyUI write them"],
    [
      "widths",
      `${modelChannels} channels${isForSdxl ? "" : " (SDXL has 320)"}, context ${contextDim}, transformer blocks ${transformerBlocks.join(", ")}`,
    ],
    ...(controlTypes.length === 0 ? [] : [["control types", controlTypes.join(", ")] satisfies [string, string]]),
    ...(problems.length === 0 ? [] : [["lacks", shown(problems)] satisfies [string, string]]),
    ...(unused.length === 0 ? [] : [["not read", shown(unused)] satisfies [string, string]]),
    ...refusals,
  ]
}
