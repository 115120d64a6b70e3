import sharp from "sharp"

const WIDTH = 5
const HEIGHT = 3

/** Small files of pictures in which decoders differ: transparent pixels, and orientation in EXIF. */
export async function oddPictures(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 4 }, (_, i) => (i * 37) % 256)
  const rgba = sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 4 } })
  const rotated = rgba.clone().removeAlpha().withMetadata({ orientation: 6 })
  const made = {
    "alpha.png": rgba.clone().png(),
    "alpha.webp": rgba.clone().webp({ lossless: true, exact: true }),
    "opaque.png": rgba.clone().removeAlpha().png(),
    "grey.png": rgba.clone().removeAlpha().greyscale().png(),
    "rotated.png": rotated.clone().png(),
    "rotated.webp": rotated.clone().webp({ lossless: true }),
    "rotated.jpg": rotated.clone().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }),
  }
  const files = new Map<string, Uint8Array<ArrayBuffer>>()
  for (const [name, picture] of Object.entries(made)) files.set(name, new Uint8Array(await picture.toBuffer()))
  return files
}
