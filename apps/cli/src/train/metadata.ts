import { extname } from "node:path"
import type { Site, UnetLayout } from "@lllite/format"
import type { LlliteSpec } from "@lllite/format/modelspec"
import { InputError, withPath } from "@lllite/runtime-node/files"
import { sitesText } from "../lllite-file/selection-name.ts"
import type { TrainSettings } from "./settings.ts"

/** What the user says of an LLLite, for its file. @param thumbnail see `readThumbnail` */
export function statedMetadata(settings: TrainSettings, thumbnail: string | null): LlliteSpec {
  const said = {
    author: settings.metadataAuthor,
    description: settings.metadataDescription,
    license: settings.metadataLicense,
    tags: settings.metadataTags,
    usageHint: settings.metadataUsageHint,
    mergedFrom: settings.metadataMergedFrom,
    triggerPhrase: settings.metadataTriggerPhrase,
    preprocessor: settings.metadataPreprocessor,
    thumbnail: thumbnail ?? undefined,
  }
  return {
    title: settings.metadataTitle ?? settings.outputName,
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)),
  }
}

/** What the program says of a training beside ModelSpec. @param sites of the LLLite */
export function ownMetadata(
  { ema, preset }: Pick<TrainSettings, "ema" | "preset">,
  sites: readonly Site[],
  layout: UnetLayout,
): ReadonlyMap<string, string> {
  const chosen = sitesText(sites, layout)
  return new Map([
    ...(ema === null ? [] : [["lllite.ema_decay", String(ema.decay ?? 0.9999)] as const]),
    ...(preset === null ? [] : [["lllite.preset", `${preset.name}: ${preset.sets.join(", ") || "nothing"}`] as const]),
    ...(chosen === null ? [] : [["lllite.sites", chosen] as const]),
  ])
}

/** Media types of thumbnails by the ending of a file. Source: sd-scripts `sai_model_spec.file_to_data_url`. */
const MEDIA: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".webp": "image/webp",
}

/** A header of safetensors holds the thumbnail, and every reader reads it whole. */
const MOST_BYTES = 1_000_000

/**
 * The thumbnail as a data URL. Null: none is asked for.
 *
 * @param thumbnail a path, or a data URL, which stays as it is
 * @throws InputError for a file of another kind, or one that is too large or cannot be read
 */
export async function readThumbnail(thumbnail: string | undefined): Promise<string | null> {
  if (thumbnail === undefined) return null
  if (thumbnail.startsWith("data:")) {
    expectSize("the data URL", thumbnail.length)
    return thumbnail
  }
  const media = MEDIA[extname(thumbnail).toLowerCase()]
  if (media === undefined) {
    throw new InputError(
      "not-a-picture",
      `"${thumbnail}" is not a thumbnail, expected a file that ends in .png, .jpg or .webp`,
    )
  }
  return withPath(thumbnail, async ({ size, read }) => {
    expectSize(`"${thumbnail}"`, size)
    return `data:${media};base64,${Buffer.from(await read(0, size)).toString("base64")}`
  })
}

function expectSize(what: string, size: number): void {
  if (size <= MOST_BYTES) return
  throw new InputError("picture-size", `${what} has ${size} bytes, expected at most ${MOST_BYTES}. Make it smaller.`)
}
