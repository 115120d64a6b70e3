import { COMBINATIONS, GENERATE_RANGES, NOISE_NAMES, PREDICTIONS, SAMPLERS, SIDE_MULTIPLE } from "@lllite/core/names"
import { ADAPTER_KINDS, RECIPE_VERSION } from "@lllite/core/recipe"
import Type from "typebox"

/*
 * The schema of recipes, for requests and for the OpenAPI document. Fields with a schema of `part` are objects whose own
 * fields `readRecipe` checks, with a message that names the wrong one.
 */

const closed = { additionalProperties: false } as const

/** A range of core as JSON Schema. */
function number(
  range: { readonly min?: number; readonly max?: number; readonly integer?: true },
  description: string,
  more: object = {},
) {
  const limits = {
    ...(range.min === undefined ? {} : { minimum: range.min }),
    ...(range.max === undefined ? {} : { maximum: range.max }),
  }
  const options = { ...limits, description, ...more }
  return range.integer === true ? Type.Integer(options) : Type.Number(options)
}

const part = (description: string) => Type.Object({}, { description })
const orNull = (description: string) => Type.Union([part(description), Type.Null()])

const File = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      description: "Name of a model in the server's folders, or of an uploaded picture.",
    }),
    sha256: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256 of an uploaded picture." })),
  },
  closed,
)

const Lora = Type.Object(
  {
    file: File,
    strength: Type.Optional(Type.Number()),
    textStrength: Type.Optional(Type.Number()),
    blocks: Type.Optional(part("A factor for each block.")),
  },
  closed,
)

const Adapter = Type.Object(
  {
    kind: Type.Optional(Type.Enum([...ADAPTER_KINDS])),
    file: File,
    control: Type.Optional(
      Type.Union([
        Type.Object(
          {
            file: File,
            fit: Type.Optional(Type.String()),
            preprocess: Type.Optional(part("What is made of the picture, such as {kind: canny}.")),
          },
          closed,
        ),
        Type.Null(),
      ]),
    ),
    strength: Type.Optional(number(GENERATE_RANGES.strength, "Factor on what the adapter adds. Default: 1.")),
    window: Type.Optional(part("start and end of the part of the noise schedule on which it acts, 0 to 1.")),
    curve: Type.Optional(Type.Array(Type.Unknown(), { description: "Factors over the noise schedule." })),
    guessMode: Type.Optional(Type.Boolean()),
    controlType: Type.Optional(Type.String()),
    blocks: Type.Optional(part("Factors by block of the U-Net.")),
    guidance: Type.Optional(part("Factors cond and uncond on both sides of guidance.")),
    mask: Type.Optional(part("The picture that is white where it acts: file, channel, feather.")),
  },
  closed,
)

const side = (range: typeof GENERATE_RANGES.width, what: string) =>
  number(range, `${what} in pixels.`, { multipleOf: SIDE_MULTIPLE })

/** A recipe: everything that determines a picture. */
export const RecipeSchema = Type.Object(
  {
    version: Type.Optional(Type.Literal(RECIPE_VERSION)),
    prompt: Type.String(),
    negativePrompt: Type.Optional(Type.String()),
    firstPrompt: Type.Optional(Type.String({ description: "Text for the first text encoder. Default: the prompt." })),
    firstNegativePrompt: Type.Optional(Type.String()),
    prompts: Type.Optional(part("How prompts are read: syntax, maxChunks, normalization, clipSkip, compat.")),
    seed: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: "^[0-9]{1,20}$" })], {
        description: "0 to 2^64 - 1, as text above 2^53 - 1. Default: a random one.",
      }),
    ),
    noise: Type.Optional(Type.Enum([...NOISE_NAMES])),
    startNoise: Type.Optional(orNull("What is added to the noise of the start.")),
    width: side(GENERATE_RANGES.width, "Width"),
    height: side(GENERATE_RANGES.height, "Height"),
    size: Type.Optional(part("SDXL's condition on sizes: original, crop, target.")),
    negativeSize: Type.Optional(part("The same for the negative prompt.")),
    steps: Type.Optional(number(GENERATE_RANGES.steps, "Steps of the sampler. Default: 20.")),
    guidanceScale: Type.Optional(number(GENERATE_RANGES.guidanceScale, "Default: 7.5.")),
    guidanceRescale: Type.Optional(number(GENERATE_RANGES.guidanceRescale, "Default: 0.")),
    negativeScale: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
    guidanceWindow: Type.Optional(part("start and end of guidance, 0 to 1.")),
    zeroTerminalSnr: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    sampler: Type.Optional(Type.Enum(Object.keys(SAMPLERS))),
    spacing: Type.Optional(Type.String({ description: "Spacing of the noise levels." })),
    spacingOptions: Type.Optional(part("Options of the spacing.")),
    samplerOptions: Type.Optional(part("Options of the sampler.")),
    model: Type.Object(
      {
        checkpoint: File,
        unet: Type.Optional(File),
        vae: Type.Optional(File),
        prediction: Type.Optional(Type.Enum([...PREDICTIONS])),
        loras: Type.Optional(Type.Array(Lora, { description: "LoRAs that are merged into the weights." })),
      },
      closed,
    ),
    textualInversions: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), file: File }, closed), { description: "Words of prompts." }),
    ),
    loras: Type.Optional(Type.Array(Lora)),
    regions: Type.Optional(part("Where parts of the prompt act: file, codes.")),
    adapters: Type.Optional(Type.Array(Adapter, { maxItems: 16, description: "LLLites and ControlNets." })),
    combine: Type.Optional(Type.Enum([...COMBINATIONS])),
    start: Type.Optional(orNull("The picture to start from: image, mask, strength.")),
    hires: Type.Optional(orNull("Hires fix.")),
    deepShrink: Type.Optional(orNull("Deep shrink.")),
    deepCache: Type.Optional(orNull("Passes of the U-Net that use features of earlier ones.")),
    tiles: Type.Optional(orNull("Tiles of the U-Net's passes.")),
    gradualLatent: Type.Optional(orNull("Latents that grow during the steps.")),
  },
  { additionalProperties: false, description: "Everything that determines a picture, as `lllite generate` writes it." },
)
