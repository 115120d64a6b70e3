/*
 * The fields of A1111's requests with their defaults, and how they are read. Source: stable-diffusion-webui 1.10,
 * `modules/api/models.py` and `processing.py`.
 */

/** What a field takes. Null is taken by all. */
type FieldType = "text" | "number" | "integer" | "flag" | "list" | "object"

/** A field with its default. */
type Field = readonly [type: FieldType, fallback: unknown]

/** The fields that both kinds of pictures have. */
const COMMON = {
  prompt: ["text", ""],
  negative_prompt: ["text", ""],
  styles: ["list", null],
  seed: ["integer", -1],
  subseed: ["integer", -1],
  subseed_strength: ["number", 0],
  seed_resize_from_h: ["integer", -1],
  seed_resize_from_w: ["integer", -1],
  sampler_name: ["text", null],
  scheduler: ["text", null],
  batch_size: ["integer", 1],
  n_iter: ["integer", 1],
  steps: ["integer", 50],
  cfg_scale: ["number", 7],
  width: ["integer", 512],
  height: ["integer", 512],
  restore_faces: ["flag", null],
  tiling: ["flag", null],
  do_not_save_samples: ["flag", false],
  do_not_save_grid: ["flag", false],
  eta: ["number", null],
  denoising_strength: ["number", null],
  s_min_uncond: ["number", null],
  s_churn: ["number", null],
  s_tmax: ["number", null],
  s_tmin: ["number", null],
  s_noise: ["number", null],
  override_settings: ["object", null],
  override_settings_restore_afterwards: ["flag", true],
  refiner_checkpoint: ["text", null],
  refiner_switch_at: ["number", null],
  disable_extra_networks: ["flag", false],
  firstpass_image: ["text", null],
  comments: ["object", null],
  sampler_index: ["text", "Euler"],
  script_name: ["text", null],
  script_args: ["list", []],
  send_images: ["flag", true],
  save_images: ["flag", false],
  alwayson_scripts: ["object", {}],
  force_task_id: ["text", null],
  infotext: ["text", null],
} as const satisfies Record<string, Field>

/** The fields of `txt2img`. */
export const TXT2IMG_FIELDS = {
  ...COMMON,
  enable_hr: ["flag", false],
  firstphase_width: ["integer", 0],
  firstphase_height: ["integer", 0],
  hr_scale: ["number", 2],
  hr_upscaler: ["text", null],
  hr_second_pass_steps: ["integer", 0],
  hr_resize_x: ["integer", 0],
  hr_resize_y: ["integer", 0],
  hr_checkpoint_name: ["text", null],
  hr_sampler_name: ["text", null],
  hr_scheduler: ["text", null],
  hr_prompt: ["text", ""],
  hr_negative_prompt: ["text", ""],
} as const satisfies Record<string, Field>

/** The fields of `img2img`. */
export const IMG2IMG_FIELDS = {
  ...COMMON,
  init_images: ["list", null],
  resize_mode: ["integer", 0],
  denoising_strength: ["number", 0.75],
  image_cfg_scale: ["number", null],
  mask: ["text", null],
  mask_blur: ["integer", null],
  mask_blur_x: ["integer", 4],
  mask_blur_y: ["integer", 4],
  mask_round: ["flag", true],
  inpainting_fill: ["integer", 0],
  inpaint_full_res: ["flag", true],
  inpaint_full_res_padding: ["integer", 0],
  inpainting_mask_invert: ["integer", 0],
  initial_noise_multiplier: ["number", null],
  latent_mask: ["text", null],
  include_init_images: ["flag", false],
} as const satisfies Record<string, Field>

type ValueOf<F extends Field> = F[0] extends "text"
  ? string
  : F[0] extends "number" | "integer"
    ? number
    : F[0] extends "flag"
      ? boolean
      : F[0] extends "list"
        ? readonly unknown[]
        : Readonly<Record<string, unknown>>

/** The values of fields. Those without a default may be null. */
export type FieldValues<Table extends Readonly<Record<string, Field>>> = {
  readonly [Name in keyof Table]: ValueOf<Table[Name]> | (Table[Name][1] extends null ? null : never)
}

export type Txt2ImgFields = FieldValues<typeof TXT2IMG_FIELDS>
export type Img2ImgFields = FieldValues<typeof IMG2IMG_FIELDS>

/** A body that has another form, in the words of A1111's API. */
export class FieldsError extends Error {
  override readonly name = "FieldsError"
  /** The problems, in the form of FastAPI. */
  readonly detail: readonly FieldProblem[]

  constructor(detail: readonly FieldProblem[]) {
    super(detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; "))
    this.detail = detail
  }
}

interface FieldProblem {
  readonly loc: readonly string[]
  readonly msg: string
  readonly type: string
}

/** Values that were read, with the names of fields that there are not. */
export interface ReadFields<Table extends Readonly<Record<string, Field>>> {
  readonly values: FieldValues<Table>
  readonly unknown: readonly string[]
}

/**
 * Reads the fields of a body. A null is the default. Numbers may be texts, as in A1111.
 *
 * @throws FieldsError with all fields that have another form
 */
export function readFields<Table extends Readonly<Record<string, Field>>>(
  table: Table,
  body: unknown,
): ReadFields<Table> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new FieldsError([{ loc: ["body"], msg: "value is not a valid dict", type: "type_error.dict" }])
  }
  const problems: FieldProblem[] = []
  const values: Record<string, unknown> = {}
  for (const [name, [type, fallback]] of Object.entries(table)) {
    const given: unknown = Object.hasOwn(body, name) ? (body as Readonly<Record<string, unknown>>)[name] : null
    const value = given === null ? fallback : readValue(type, given)
    if (value === undefined)
      problems.push({ loc: ["body", name], msg: `value is not ${MEANINGS[type]}`, type: `type_error.${type}` })
    else values[name] = value
  }
  if (problems.length > 0) throw new FieldsError(problems)
  return {
    values: values as FieldValues<Table>,
    unknown: Object.keys(body).filter((name) => !Object.hasOwn(table, name)),
  }
}

const MEANINGS: Readonly<Record<FieldType, string>> = {
  text: "a valid string",
  number: "a valid float",
  integer: "a valid integer",
  flag: "a valid boolean",
  list: "a valid list",
  object: "a valid dict",
}

/** A value of a type. Undefined: it is of another. */
function readValue(type: FieldType, given: unknown): unknown {
  if (type === "text") return typeof given === "string" ? given : undefined
  if (type === "list") return Array.isArray(given) ? given : undefined
  if (type === "object") return typeof given === "object" && !Array.isArray(given) ? given : undefined
  if (type === "flag") {
    if (given === 0 || given === 1) return given === 1
    return typeof given === "boolean" ? given : undefined
  }
  const number = typeof given === "string" && /^[+-]?\d+(\.\d+)?$/.test(given.trim()) ? Number(given) : given
  if (typeof number !== "number" || !Number.isFinite(number)) return undefined
  return type === "number" || Number.isSafeInteger(number) ? number : undefined
}
