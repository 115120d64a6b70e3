/** The location that stands for the embedded SDXL. */
export const TINY = "tiny"

/** A file that a recipe uses. */
export interface FileReference {
  /** Its location: a path, an address, or a name alone. `tiny` is the embedded SDXL. */
  readonly path: string
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly sha256?: string
}
