// Small files and examples for `misuse-networks.mjs`, with values of zero.
import { controlNetFigure } from "../../packages/format/dist/identify.js"

/** Entries of a file, by their names and shapes. */
export function entriesOf(shapes) {
  return new Map(
    shapes.map(([name, shape]) => {
      const size = shape.reduce((product, length) => product * length, 1)
      return [name, { name, dtype: "F32", shape, read: async () => new Uint8Array(4 * size) }]
    }),
  )
}

/** A ControlNet for a U-Net. */
export function controlNetFile({ layout, outChannels, contextDim, pooledDim }) {
  const widths = { inChannels: outChannels, contextDim, vectorDim: pooledDim + 1536 }
  const figure = controlNetFigure({
    ...{ unet: layout, widths, middleBlocks: 2, hintChannels: 3, hintWidths: [16, 16, 32] },
  })
  return { label: "a ControlNet", entries: entriesOf([...layersOf(figure)].flatMap(shapesOf)) }
}

/** A pair of one picture. */
export function exampleOf(picture) {
  const side = [picture.height, picture.width]
  const size = { original: side, crop: [0, 0], target: side }
  return { name: "a", image: picture, control: picture, caption: "a", size }
}

function* layersOf(tree) {
  for (const value of Object.values(tree)) {
    if (typeof value !== "object" || value === null) continue
    if ("diffusersPath" in value) yield value
    else yield* layersOf(value)
  }
}

function shapesOf({ kind, diffusersPath, inDim, outDim, kernel, bias }) {
  const shape = kind === "norm" ? [outDim] : kind === "conv" ? [outDim, inDim, kernel, kernel] : [outDim, inDim]
  return [[`${diffusersPath}.weight`, shape], ...(bias ? [[`${diffusersPath}.bias`, [outDim]]] : [])]
}
