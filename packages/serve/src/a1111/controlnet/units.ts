import type { AdapterInput } from "@lllite/core/recipe"
import { findModel } from "../../files/library.ts"
import type { Service } from "../../service.ts"
import { keepPicture, pictureBytes } from "../pictures.ts"
import { A1111Error } from "../refusal.ts"
import { moduleOf } from "./modules.ts"

/* Units of sd-webui-controlnet 56cec5b, as its API takes them. */

/** What the units of a request become. */
export interface ReadUnits {
  readonly adapters: readonly AdapterInput[]
  /** What is not followed, one sentence each. */
  readonly notices: readonly string[]
  /** Whether the units act in the second stage of hires fix, too. */
  readonly actsInHires: boolean
  /** The places of adapters whose control picture is returned, after the drawn pictures. */
  readonly shown: readonly number[]
}

/** The most units of a request. */
export const MOST_UNITS = 10

/** Older and other names of fields. */
const ALIASES: Readonly<Record<string, string>> = {
  input_image: "image",
  lowvram: "low_vram",
  guidance: "guidance_end",
  mask_image: "mask",
  guess_mode: "control_mode",
  guessmode: "control_mode",
}

const RESIZE_MODES = ["Just Resize", "Crop and Resize", "Resize and Fill"] as const
const FITS = { "Just Resize": "stretch", "Crop and Resize": "crop", "Resize and Fill": "pad" } as const
const RESIZE_ALIASES: Readonly<Record<string, (typeof RESIZE_MODES)[number]>> = {
  "Inner Fit (Scale to Fit)": "Crop and Resize",
  "Outer Fit (Shrink to Fit)": "Resize and Fill",
  "Scale to Fit (Inner Fit)": "Crop and Resize",
  "Envelope (Outer Fit)": "Resize and Fill",
  "Just Resize (Latent upscale)": "Just Resize",
}
const CONTROL_MODES = ["Balanced", "My prompt is more important", "ControlNet is more important"] as const
const HIRES_OPTIONS = ["Both", "Low res only", "High res only"] as const

/** Fields with no effect on a picture, or none where the others are followed. */
const SILENT = new Set([
  ...["is_ui", "input_mode", "batch_images", "output_dir", "loopback", "low_vram", "inpaint_crop_input_image"],
  ...["pulid_mode", "union_control_type", "animatediff_batch", "batch_modifiers", "batch_image_files"],
  ...["batch_keyframe_idx", "batch_mask_dir", "use_preview_as_input", "generated_image"],
])

/** Fields that change a picture and are not followed. */
const UNFOLLOWED = ["advanced_weighting", "ipadapter_input", "mask", "union_control_type"] as const

/**
 * The units of `alwayson_scripts.controlnet.args`.
 *
 * @param start Base64 of the picture that img2img starts from, which a unit without a picture reads
 * @throws A1111Error that names the unit and the field
 */
export async function readUnits(service: Service, args: unknown, start: unknown): Promise<ReadUnits> {
  if (!Array.isArray(args)) throw new A1111Error(422, "controlnet: args is not a list, expected a list of units.")
  // The page sends switches before its units.
  const units = args.filter((unit) => typeof unit === "object" && unit !== null && !Array.isArray(unit))
  if (units.length > MOST_UNITS) {
    throw new A1111Error(422, `controlnet: there are ${units.length} units, expected at most ${MOST_UNITS}.`)
  }
  const adapters: AdapterInput[] = []
  const notices: string[] = []
  const shown: number[] = []
  const hires = new Set<string>()
  for (const [i, unit] of units.entries()) {
    const fields = named(i, unit as Readonly<Record<string, unknown>>)
    if (fields.enabled === false || fields.enabled === 0) continue
    if (isNone(fields.model) && isNone(fields.module) && fields.image == null) continue
    const { adapter, isShown } = await readUnit(service, `controlnet: unit ${i}`, fields, start)
    hires.add(choice(`controlnet: unit ${i}: hr_option`, fields.hr_option ?? "Both", HIRES_OPTIONS))
    for (const field of UNFOLLOWED) {
      if (isSet(fields[field]) || (field === "mask" && hasMask(fields.image)))
        notices.push(`Of the unit ${i} of ControlNet, this is not followed: ${field}.`)
    }
    for (const field of Object.keys(fields)) {
      if (!KNOWN.has(field) && !SILENT.has(field))
        notices.push(`The unit ${i} of ControlNet has an unknown field: ${field}.`)
    }
    if (isShown) shown.push(adapters.length)
    adapters.push(adapter)
  }
  const [only] = hires
  if (hires.size > 1 || only === "High res only") {
    notices.push("Units of ControlNet act in both stages of hires fix. hr_option is not followed for each unit alone.")
  }
  return { adapters, notices, shown, actsInHires: !(hires.size === 1 && only === "Low res only") }
}

const KNOWN = new Set([
  ...["enabled", "module", "model", "weight", "image", "resize_mode", "processor_res", "threshold_a", "threshold_b"],
  ...["guidance_start", "guidance_end", "pixel_perfect", "control_mode", "hr_option", "save_detected_map"],
  ...["effective_region_mask", ...UNFOLLOWED],
])

type Fields = Readonly<Record<string, unknown>>

/** The fields of a unit by their names today. @throws A1111Error for a field with two names */
function named(i: number, unit: Fields): Fields {
  const fields: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(unit)) {
    const name = ALIASES[field] ?? field
    const isTwice = name !== field && isSet(unit[name]) && isSet(value)
    if (isTwice) throw new A1111Error(422, `controlnet: unit ${i}: conflict of field '${field}' and '${name}'.`)
    if (isSet(value) || !Object.hasOwn(fields, name)) fields[name] = value
  }
  return fields
}

async function readUnit(
  service: Service,
  place: string,
  fields: Fields,
  start: unknown,
): Promise<{ readonly adapter: AdapterInput; readonly isShown: boolean }> {
  const { model, module = "none", image, effective_region_mask: region } = fields
  const wanted = typeof model === "string" ? model : ""
  if (isNone(model)) throw new A1111Error(422, `${place} has no model. GET /controlnet/model_list lists them.`)
  const { library } = service
  const found = findModel(await library.list("adapter"), wanted)
  if (found === null) {
    throw new A1111Error(
      422,
      `${place}: model(${wanted.slice(0, 200)}) not found in supported models. GET /controlnet/model_list lists them.`,
    )
  }
  if (typeof module !== "string") throw new A1111Error(422, `${place}: module is not text.`)
  const thresholds = [number(place, fields, "threshold_a", -1), number(place, fields, "threshold_b", -1)]
  const resolution = number(place, fields, "processor_res", -1)
  const isWholeSize = fields.pixel_perfect === true
  const preprocess = moduleOf(module, { resolution, thresholds }, isWholeSize)
  const given = pictureOf(place, image) ?? (typeof start === "string" ? start : null)
  if (given === null) throw new A1111Error(422, `${place} has no image.`)
  const [from, to] = [number(place, fields, "guidance_start", 0), number(place, fields, "guidance_end", 1)]
  if (!(from >= 0 && from <= to && to <= 1)) {
    throw new A1111Error(422, `${place}: guidance_start(${from}) > guidance_end(${to}), or outside of 0 to 1.`)
  }
  const resize = choice(`${place}: resize_mode`, fields.resize_mode ?? "Crop and Resize", RESIZE_MODES, RESIZE_ALIASES)
  const mode = choice(`${place}: control_mode`, fields.control_mode ?? "Balanced", CONTROL_MODES)
  const file = await keepPicture(service, `${place}: image`, pictureBytes(`${place}: image`, given))
  const mask = isSet(region)
    ? await keepPicture(
        service,
        `${place}: effective_region_mask`,
        pictureBytes(`${place}: effective_region_mask`, region),
      )
    : null
  const adapter: AdapterInput = {
    file: { path: found.name },
    control: { file, fit: FITS[resize], ...(preprocess === null ? {} : { preprocess }) },
    strength: number(place, fields, "weight", 1),
    window: { start: from, end: to, by: "sd-scripts" },
    ...(mode === "ControlNet is more important" ? { guessMode: true } : {}),
    ...(mask === null ? {} : { mask: { file: mask, feather: 0 } }),
  }
  return { adapter, isShown: preprocess !== null && fields.save_detected_map !== false }
}

/** The picture of a unit: Base64, `{image, mask}`, `[image, mask]`, or a list of one `{image, mask}`. */
function pictureOf(place: string, image: unknown): string | null {
  if (image == null || image === "") return null
  if (typeof image === "string") return image
  const [first] = Array.isArray(image) ? image : [image]
  if (typeof first === "string") return first
  const inner: unknown = typeof first === "object" && first !== null && "image" in first ? first.image : null
  if (typeof inner === "string" && !(Array.isArray(image) && image.length > 1)) return inner
  throw new A1111Error(422, `${place}: image is of another form, expected a picture in Base64.`)
}

/** Whether the picture of a unit has a mask beside it. */
function hasMask(image: unknown): boolean {
  const [first, second] = Array.isArray(image) ? image : [image]
  return (
    (typeof first === "string" && isSet(second)) || (typeof first === "object" && isSet((first as Fields | null)?.mask))
  )
}

function number(place: string, fields: Fields, name: string, fallback: number): number {
  const value = fields[name] ?? fallback
  if (typeof value === "number" && Number.isFinite(value)) return value
  throw new A1111Error(422, `${place}: ${name} is not a number.`)
}

/** One of some texts, by itself, by its place, or by another name. */
function choice<Text extends string>(
  place: string,
  given: unknown,
  texts: readonly Text[],
  aliases: Readonly<Record<string, Text>> = {},
): Text {
  // Older versions took a switch for guess mode.
  const value = typeof given === "boolean" ? (given ? texts.length - 1 : 0) : given
  const found =
    typeof value === "number"
      ? texts[value]
      : (texts.find((text) => text.toLowerCase() === String(value).toLowerCase()) ?? aliases[String(value)])
  if (found !== undefined) return found
  throw new A1111Error(422, `${place} is ${JSON.stringify(given)?.slice(0, 80)}, expected one of ${texts.join(", ")}.`)
}

function isNone(value: unknown): boolean {
  return value == null || (typeof value === "string" && ["", "none"].includes(value.trim().toLowerCase()))
}

function isSet(value: unknown): boolean {
  return value != null && value !== "" && value !== false
}
