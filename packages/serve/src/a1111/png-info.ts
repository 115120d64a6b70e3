import { a1111Parts } from "@lllite/core/recipe"
import { LlliteError } from "@lllite/format"

/** The answer of `/sdapi/v1/png-info`. */
export interface PngInfo {
  /** The text of A1111. Empty: the picture has none. */
  readonly info: string
  /** All texts of the picture. */
  readonly items: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

/** What the text in a PNG says. Pictures of other formats have none here. */
export async function pngInfo(bytes: Uint8Array): Promise<PngInfo> {
  const { decodePngText } = await import("@lllite/runtime-node")
  let text: ReadonlyMap<string, string> = new Map()
  try {
    text = decodePngText(bytes)
  } catch (error) {
    if (!(error instanceof LlliteError)) throw error
  }
  const info = text.get("parameters") ?? ""
  return { info, items: Object.fromEntries(text), parameters: parametersOf(info) }
}

function parametersOf(info: string): Readonly<Record<string, string>> {
  try {
    const { prompt, negativePrompt, settings } = a1111Parts(info)
    const [, width, height] = /^(\d+)x(\d+)$/.exec(settings.get("Size") ?? "") ?? []
    return {
      ...{ Prompt: prompt, "Negative prompt": negativePrompt },
      ...Object.fromEntries(settings),
      ...(width === undefined || height === undefined ? {} : { "Size-1": width, "Size-2": height }),
    }
  } catch (error) {
    if (error instanceof LlliteError) return {}
    throw error
  }
}
