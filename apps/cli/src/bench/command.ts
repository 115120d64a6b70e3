import { defineCommand } from "../command/command.ts"
import { BENCH_OPTIONS } from "./options.ts"

/** Sides of SDXL's pictures that are usual. */
const USUAL_SIZES: readonly number[] = [512, 1024]

/** `lllite bench` */
export const benchCommand = defineCommand({
  name: "bench",
  description:
    "Measure what this machine reaches: a step, a picture and a training step of the tiny model, and of an SDXL of real size with made-up weights. Nothing is downloaded or written.",
  options: BENCH_OPTIONS,
  endsItself: true,
  async run(reader, _, signal) {
    const odd = reader.settings.size.find((side) => side % 32 !== 0)
    reader.check(["size"], () =>
      odd === undefined ? null : `size has ${odd}, expected multiples of 32, for example ${32 * Math.ceil(odd / 32)}`,
    )
    const { size, tiny, ...settings } = reader.finish()
    const sizes = tiny ? [] : size.length > 0 ? size : USUAL_SIZES
    const { runBench } = await import("./run.ts")
    await runBench({ ...settings, sizes }, signal)
  },
})
