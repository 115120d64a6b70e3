import { createNumpyRandom } from "../../random/numpy.ts"
import { noiseDisk } from "../filters/noise-disk.ts"
import { remap } from "../filters/remap.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { atResolution, RESOLUTION } from "./resolution.ts"

export const shuffle = definePreprocessor({
  help: "The picture's colours and textures, bent and mixed.",
  options: {
    seed: { integer: true, min: 0, max: 2 ** 32 - 1, default: 0, help: "Seed of NumPy's generator." },
    grain: { integer: true, min: 1, max: 4096, default: 256, help: "Pixels between two bends." },
    resolution: RESOLUTION,
  },
  run(image, { seed, grain, resolution }) {
    const sized = atResolution(image, resolution)
    const { width, height } = sized
    const random = createNumpyRandom(seed)
    const columns = noiseDisk(random, height, width, grain)
    const rows = noiseDisk(random, height, width, grain)
    return remap(
      sized,
      Float32Array.from(columns, (share) => share * (width - 1)),
      Float32Array.from(rows, (share) => share * (height - 1)),
    )
  },
})
