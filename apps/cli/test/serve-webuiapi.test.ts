import { cp, mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it, onTestFinished } from "vitest"
import { askPython, describeWithPython } from "../../../packages/format/test/python.ts"
import { serve } from "./started-server.ts"

/* PyPI's webuiapi, as its users write scripts with it, against the built command and the embedded SDXL. */

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

const SCRIPT = `
import json, sys
from PIL import Image, ImageDraw
import webuiapi

api = webuiapi.WebUIApi(host="127.0.0.1", port=int(sys.argv[1]), sampler="DPM++ 2M", scheduler="karras", steps=3)
models = api.util_get_model_names()
api.set_options({"sd_model_checkpoint": models[0]})
edges = Image.new("RGB", (64, 64))
ImageDraw.Draw(edges).ellipse((12, 12, 52, 52), outline="white")
unit = webuiapi.ControlNetUnit(image=edges, module="none", model="lllite-canny", weight=0.9)
lllite = api.txt2img(prompt="a red star", seed=7, width=64, height=64, controlnet_units=[unit])
plain = api.txt2img(prompt="a red star", seed=7, width=64, height=64)
again = api.txt2img(prompt="a red star", seed=7, width=64, height=64)
mask = Image.new("L", (64, 64))
ImageDraw.Draw(mask).rectangle((0, 0, 31, 63), fill=255)
inpainted = api.img2img(images=[plain.image], mask_image=mask, prompt="a star", seed=8, width=64, height=64,
    denoising_strength=0.7, mask_blur=0, inpainting_fill=1, inpaint_full_res=False)
hires = api.txt2img(prompt="a red star", seed=7, width=64, height=64, enable_hr=True, hr_upscaler="Latent")
detected = api.controlnet_detect([edges], module="canny", processor_res=64, threshold_a=100, threshold_b=200)
try:
    api.txt2img(prompt="a star", alwayson_scripts={}, adetailer=[webuiapi.ADetailer()])
    refused = None
except RuntimeError as error:
    refused = error.args[0]
same = lambda a, b, box=(0, 0, 64, 64): list(a.crop(box).getdata()) == list(b.crop(box).getdata())
print(json.dumps({
    "models": models,
    "units": api.controlnet_model_list(),
    "sampler": "DPM++ 2M" in api.util_get_sampler_names() and "karras" in api.util_get_scheduler_names(),
    "repeated": same(plain.image, again.image),
    "steered": not same(plain.image, lllite.image),
    "kept": same(plain.image, inpainted.image, (32, 0, 64, 64)),
    "drawn": not same(plain.image, inpainted.image, (0, 0, 32, 64)),
    "hires": hires.image.size,
    "detected": detected.image.size,
    "text": api.png_info(lllite.image).info,
    "seed": lllite.info["all_seeds"],
    "refused": refused,
    "progress": api.get_progress()["progress"],
    "interrupt": api.interrupt(),
}))
`

describeWithPython("webuiapi", ["webuiapi"], () => {
  it("draws with an LLLite, from pictures, with a mask and in two stages", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lllite-webuiapi-"))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await mkdir(join(folder, "models", "ControlNet"), { recursive: true })
    await cp(LLLITE, join(folder, "models", "ControlNet", "lllite-canny.safetensors"))
    const { url } = await serve(folder, "--models_dir", "models")
    const seen = await askPython<Readonly<Record<string, unknown>>>(SCRIPT, [new URL(url).port])
    expect(seen).toEqual({
      ...{ models: ["tiny"], units: ["None", "lllite-canny"], sampler: true },
      ...{ repeated: true, steered: true, kept: true, drawn: true },
      ...{ hires: [128, 128], detected: [64, 64], seed: [7], refused: 422, progress: 0, interrupt: {} },
      text: expect.stringMatching(/^a red star\nSteps: 3, Sampler: DPM\+\+ 2M, Schedule type: Karras.*lllite-canny/),
    })
  })
})
