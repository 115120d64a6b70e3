import { checkArgument } from "../argument.ts"

/** Endings of the pictures that can be read, in lower case. A `.jfif` is a JPEG. */
export const IMAGE_EXTENSIONS = [".png", ".jpg", ".jpeg", ".jfif", ".webp"] as const

/** Endings of other pictures. They are named, since to pass over them would hide why a pair is not complete. */
const UNREAD_EXTENSIONS: readonly string[] = [
  ...[".avif", ".bmp", ".dib", ".dng", ".exr", ".gif", ".hdr", ".heic", ".heif", ".ico", ".j2k", ".jp2", ".jxl"],
  ...[".pbm", ".pcx", ".pgm", ".pnm", ".ppm", ".psd", ".svg", ".svgz", ".tga", ".tif", ".tiff", ".xcf"],
]

/** Whether a name's ending is that of a picture that can be read. */
export function isReadImage(extension: string): boolean {
  checkArgument("picture: the extension", extension, "text")
  return (IMAGE_EXTENSIONS as readonly string[]).includes(extension.toLowerCase())
}

/** Whether a name's ending is that of a picture in a format that is not read. */
export function isUnreadImage(extension: string): boolean {
  checkArgument("picture: the extension", extension, "text")
  return UNREAD_EXTENSIONS.includes(extension.toLowerCase())
}

/** A sentence for a picture in a format that is not read. @param path how messages name the picture */
export function describeUnread(path: string): string {
  checkArgument("picture: the path", path, "text")
  const extension = path.slice(path.lastIndexOf(".")).toLowerCase()
  return `"${path}" is a ${extension} picture. This format is not read. Save it as PNG.`
}
