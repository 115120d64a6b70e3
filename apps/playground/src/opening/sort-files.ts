import type { PlacedFile } from "./dropped-files.ts"

/** Files by what the page does with them. */
export interface SortedFiles {
  /** Several pictures, with captions and all that lies in their folders: pairs for a training. */
  readonly pairs: readonly PlacedFile[]
  /** One picture, for the sheet. */
  readonly pictures: readonly PlacedFile[]
  /** Weights. What they are follows from their content. */
  readonly models: readonly PlacedFile[]
  readonly others: readonly PlacedFile[]
}

const MODELS = /\.(safetensors|sft|ckpt|pt|pth|bin)$/i
const CAPTIONS = /\.(txt|caption)$/i
const PICTURES = /\.(png|jpe?g|webp|gif|bmp|avif|svg|heic|heif|tiff?|jxl|pdf|psd)$/i

/**
 * Sorts files by their names and types. A single picture is for the sheet. Several, or one with a caption or in a
 * folder, are pairs.
 *
 * @param isForPairs whether all but weights is for pairs
 */
export function sortFiles(files: readonly PlacedFile[], isForPairs = false): SortedFiles {
  const isPicture = ({ path, file }: PlacedFile): boolean => file.type.startsWith("image/") || PICTURES.test(path)
  const models = files.filter(({ path }) => MODELS.test(path))
  const rest = files.filter((file) => !models.includes(file))
  const pictures = rest.filter(isPicture)
  const isDataset =
    isForPairs ||
    pictures.length > 1 ||
    (pictures.length === 1 && rest.some(({ path }) => CAPTIONS.test(path) || path.includes("/")))
  return isDataset
    ? { pairs: rest, pictures: [], models, others: [] }
    : { pairs: [], pictures, models, others: rest.filter((file) => !pictures.includes(file)) }
}
