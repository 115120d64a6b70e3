import { readdirSync } from "node:fs"

const CORE = "packages/core/src"
const SLOW = "packages/core/test"
const FORMAT = "packages/format/src"
const FORMAT_FOLDERS = readdirSync(new URL(`../../${FORMAT}`, import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

/** Files of a folder whose code needs slower tests than those beside it. */
const withSlow = (folder, names, ...tests) =>
  names.map((name) => [`${CORE}/${folder}/${name}`, [`${CORE}/${folder}/**/*.test.ts`, ...tests]])

/**
 * The parts of the code that mutants are made in, and the tests that have to find them. A part is a folder, or a file
 * that needs other tests than its folder. Tests are those beside the code. Code that runs only with a network needs the
 * fastest ones of those that have one. So a mutant that survives here may still be found by a slower test.
 */
export const PARTS = {
  [`${CORE}/generation`]: [`${CORE}/generation/**/*.test.ts`, `${SLOW}/{generate-places,phases}.test.ts`],
  [`${CORE}/generation/noise-source.ts`]: [`${CORE}/generation/noise-source.test.ts`],
  [`${CORE}/generation/conditions.ts`]: [`${CORE}/generation/conditions.test.ts`],
  [`${CORE}/generation/decode-pictures.ts`]: [`${CORE}/generation/vae-pictures.test.ts`],
  [`${CORE}/generation/encode-pictures.ts`]: [`${CORE}/generation/vae-pictures.test.ts`],
  [`${CORE}/generation/run-stage.ts`]: [`${SLOW}/{run-stage,generate-choices,start,regions,deep-cache}.test.ts`],
  [`${CORE}/generation/generate.ts`]: [`${SLOW}/{generate-events,generate-choices,start}.test.ts`],
  [`${CORE}/generation/denoise-latents.ts`]: [
    `${SLOW}/{denoise-latents,generate-choices,prompt-parts,regions,deep-cache}.test.ts`,
  ],
  [`${CORE}/generation/adapters.ts`]: [`${CORE}/generation/adapters.test.ts`],
  ...Object.fromEntries([
    ...withSlow(
      "generation",
      ["start-picture.ts", "inpaint-channels.ts", "walk-latents.ts", "enlarge.ts"],
      `${SLOW}/{start,phases}.test.ts`,
    ),
    ...withSlow("generation", ["tiled-network.ts"], `${SLOW}/tiles.test.ts`),
    ...withSlow("generation", ["regions.ts"], `${SLOW}/regions.test.ts`),
    ...withSlow("models", ["vae"], `${SLOW}/tiles.test.ts`),
  ]),
  [`${CORE}/training`]: [`${CORE}/training/**/*.test.ts`],
  [`${CORE}/training/optimizers`]: [`${CORE}/training/optimizers/**/*.test.ts`, `${SLOW}/optimizers-reference.test.ts`],
  [`${CORE}/training/objective.ts`]: [`${SLOW}/objective.test.ts`],
  [`${CORE}/training/dataset.ts`]: [`${SLOW}/{objective,train}.test.ts`],
  [`${CORE}/training/example-row.ts`]: [`${CORE}/training/example-row.test.ts`, `${SLOW}/objective.test.ts`],
  [`${CORE}/training/example-cache.ts`]: [`${SLOW}/{objective,stopping}.test.ts`],
  [`${CORE}/training/validation-loss.ts`]: [`${CORE}/training/validation-loss.test.ts`, `${SLOW}/objective.test.ts`],
  [`${CORE}/training/gradients.ts`]: [`${CORE}/training/gradients.test.ts`],
  [`${CORE}/training/lllite-trainable.ts`]: [
    `${CORE}/training/lllite-trainable.test.ts`,
    `${SLOW}/{objective,own-trainable}.test.ts`,
  ],
  [`${CORE}/training/normalise-conditioners.ts`]: [
    `${CORE}/training/normalise-conditioners.test.ts`,
    `${SLOW}/normalise-conditioners.test.ts`,
  ],
  [`${CORE}/diffusion`]: [`${CORE}/diffusion/**/*.test.ts`, `${SLOW}/reference.test.ts`],
  [`${CORE}/models`]: [`${CORE}/models/**/*.test.ts`],
  [`${CORE}/models/lllite`]: [`${CORE}/models/lllite/**/*.test.ts`],
  [`${CORE}/models/unet`]: [`${CORE}/models/unet/{context,deep-shrink,passes,walk}.test.ts`],
  // These tests run every block on its own, and take longer.
  [`${CORE}/models/unet/blocks.ts`]: [`${CORE}/models/unet/{activations,blocks,blocks-verbs,context,unet}.test.ts`],
  [`${CORE}/models/controlnet`]: [`${CORE}/models/controlnet/**/*.test.ts`],
  [`${CORE}/models/lora`]: [`${CORE}/models/lora/**/*.test.ts`],
  [`${CORE}/models/layouts`]: [`${CORE}/models/layouts/**/*.test.ts`],
  [`${CORE}/models/text.ts`]: [`${CORE}/generation/conditions.test.ts`, `${SLOW}/prompt-reference.test.ts`],
  [`${CORE}/models/clip`]: [
    `${CORE}/models/clip/**/*.test.ts`,
    `${CORE}/models/text-projection.test.ts`,
    `${CORE}/generation/conditions.test.ts`,
  ],
  [`${CORE}/ops/composed`]: [`${CORE}/ops/composed/**/*.test.ts`],
  [FORMAT]: [`${FORMAT}/{errors,lllite-error,safe-text,source}.test.ts`],
  ...Object.fromEntries(FORMAT_FOLDERS.map((name) => [`${FORMAT}/${name}`, [`${FORMAT}/${name}/**/*.test.ts`]])),
  // Values of every dtype are tested both ways, beside their encoding.
  [`${FORMAT}/safetensors/dtype.ts`]: [`${FORMAT}/{safetensors/dtype,write/encode}.test.ts`],
}
