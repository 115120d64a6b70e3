import type { FastifyInstance } from "fastify"
import type { Service } from "../../service.ts"
import { readFields } from "../fields.ts"
import { decodePicture, pictureBytes } from "../pictures.ts"
import { stemOf } from "../plan.ts"
import { A1111Error } from "../refusal.ts"
import type { Detector } from "./detect.ts"
import { MODULE_NAMES, moduleOf, NONE, slidersOf } from "./modules.ts"
import { MOST_UNITS } from "./units.ts"

/** The version of the extension's API. */
const API_VERSION = 3

/** Tags of the extension's page, with a part of the names of their models, and their preprocessors. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  Canny: ["canny", "invert"],
  Lineart: ["lineart_standard", "invert"],
  Scribble: ["scribble_xdog", "invert"],
  Tile: ["tile_resample", "blur_gaussian"],
  Recolor: ["recolor_luminance", "recolor_intensity"],
  Shuffle: ["shuffle"],
}

const DETECT_FIELDS = {
  controlnet_module: ["text", NONE],
  controlnet_input_images: ["list", null],
  // The name that webuiapi sends.
  controlnet_images: ["list", null],
  controlnet_processor_res: ["number", -1],
  controlnet_threshold_a: ["number", -1],
  controlnet_threshold_b: ["number", -1],
  controlnet_masks: ["list", []],
  low_vram: ["flag", false],
} as const

/** The routes of sd-webui-controlnet. Source: sd-webui-controlnet 56cec5b, `scripts/api.py`. */
export function controlNetRoutes(app: FastifyInstance, service: Service, detector: Detector): void {
  const { library } = service
  const modelNames = async (): Promise<readonly string[]> => {
    const models = await library.list("adapter")
    return ["None", ...models.map(({ name }) => stemOf(name))]
  }
  app.get("/controlnet/version", () => ({ version: API_VERSION }))
  app.get("/controlnet/model_list", async () => ({ model_list: await modelNames() }))
  app.get("/controlnet/module_list", () => ({
    module_list: MODULE_NAMES,
    module_detail: Object.fromEntries(
      MODULE_NAMES.map((name) => [name, { model_free: false, sliders: slidersOf(name) }]),
    ),
  }))
  app.get("/controlnet/control_types", async () => {
    const models = await modelNames()
    const typed = Object.entries(TYPES).map(([type, modules]) => {
      const fitting = models.filter((name) => name.toLowerCase().includes(type.toLowerCase()))
      const [option = NONE, model = "None"] = [modules[0], fitting[0]]
      return [
        type,
        {
          ...{ module_list: [NONE, ...modules], model_list: ["None", ...fitting] },
          ...{ default_option: option, default_model: model },
        },
      ]
    })
    const all = { module_list: MODULE_NAMES, model_list: models, default_option: NONE, default_model: "None" }
    return { control_types: { All: all, ...Object.fromEntries(typed) } }
  })
  app.get("/controlnet/settings", () => ({ control_net_unit_count: MOST_UNITS }))
  app.post("/controlnet/detect", async ({ body }) => {
    const { values } = readFields(DETECT_FIELDS, body)
    const images = values.controlnet_input_images ?? values.controlnet_images ?? []
    if (images.length === 0) throw new A1111Error(422, "No image selected: controlnet_input_images is empty.")
    if (images.length > service.limits.pictures) {
      throw new A1111Error(
        422,
        `controlnet_input_images has ${images.length}, expected at most ${service.limits.pictures}.`,
      )
    }
    const given = {
      resolution: values.controlnet_processor_res,
      thresholds: [values.controlnet_threshold_a, values.controlnet_threshold_b],
    }
    const preprocessing = moduleOf(values.controlnet_module, given, false)
    const { encodePng } = await import("@lllite/runtime-node")
    const made: string[] = []
    for (const [i, text] of images.entries()) {
      const place = `controlnet_input_images[${i}]`
      const image = await decodePicture(service, place, pictureBytes(place, text))
      const result = preprocessing === null ? image : await detector.detect(image, preprocessing)
      made.push(Buffer.from(encodePng(result)).toString("base64"))
    }
    return { info: "Success", images: made }
  })
}
