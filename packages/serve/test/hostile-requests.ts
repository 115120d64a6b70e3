/* Requests that no client sends, made from a seed: one after another over every route. */

/** A request. */
export interface HostileRequest {
  /** What was done to it. */
  readonly trick: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
}

/** Where hostile requests want to go. */
export interface Targets {
  /** An address that counts who asks for it. */
  readonly address: string
  /** A file outside of the server's folder. */
  readonly file: string
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const MODEL = { checkpoint: { path: "tiny" } }
const RECIPE = {
  ...{ prompt: "a star", seed: 7, width: 64, height: 64, model: MODEL },
  ...{ adapters: [{ file: { path: "canny.safetensors" }, control: { file: { path: "edges.png" } } }] },
  ...{ start: { image: { path: "start.png" }, strength: 0.5 }, loras: [{ file: { path: "ink.safetensors" } }] },
}
const GRAPH = {
  "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "tiny" } },
  "2": { class_type: "LoadImage", inputs: { image: "edges.png" } },
  "4": { class_type: "CLIPTextEncode", inputs: { text: "a star", clip: ["1", 1] } },
  "6": { class_type: "EmptyLatentImage", inputs: { width: 64, height: 64, batch_size: 1 } },
  "7": {
    class_type: "KSampler",
    inputs: {
      ...{ model: ["1", 0], seed: 1, steps: 2, cfg: 2, sampler_name: "euler", scheduler: "normal", denoise: 1 },
      ...{ positive: ["4", 0], negative: ["4", 0], latent_image: ["6", 0] },
    },
  },
  "8": { class_type: "VAEDecode", inputs: { samples: ["7", 0], vae: ["1", 2] } },
  "9": { class_type: "SaveImage", inputs: { images: ["8", 0], filename_prefix: "star" } },
}
const UNIT = { image: PIXEL, module: "canny", model: "canny", weight: 1, guidance_end: 1, processor_res: 64 }
const PICTURE = { prompt: "a star", steps: 2, width: 64, height: 64, seed: 1, sampler_name: "Euler a" }

/** Routes with a body, and one that each takes. */
const BODIES: readonly (readonly [path: string, body: Json])[] = [
  ["/v1/jobs", { kind: "generate", recipes: [{ prompt: "a star", seed: 7, width: 64, height: 64, model: MODEL }] }],
  ["/v1/jobs", { kind: "generate", recipes: [RECIPE] }],
  ["/v1/jobs", { kind: "train", options: { output_dir: "out", max_train_steps: 1 }, files: ["a.toml"] }],
  ["/v1/jobs", { kind: "dataset cache", options: { train_data_dir: "set", vae: "x.safetensors", seed: 1 } }],
  ["/v1/jobs", { kind: "preprocess", files: ["canny", "in.png", "out.png"] }],
  ["/prompt", { prompt: GRAPH, client_id: "one", extra_data: {} }],
  ["/api/prompt", { prompt: GRAPH, front: true }],
  ["/queue", { delete: ["x"], clear: false }],
  ["/history", { delete: ["x"] }],
  ["/interrupt", { prompt_id: "x" }],
  ["/api/jobs/cancel", { job_ids: ["x"] }],
  ["/api/settings", { "Comfy.Locale": "en" }],
  ["/api/settings/Comfy.Locale", "en"],
  ["/api/userdata/workflows%2Fa.json", { nodes: [] }],
  ["/sdapi/v1/txt2img", { ...PICTURE, alwayson_scripts: { controlnet: { args: [UNIT] } } }],
  ["/sdapi/v1/txt2img", { ...PICTURE, enable_hr: true, hr_scale: 2, override_settings: { sd_vae: "None" } }],
  ["/sdapi/v1/img2img", { ...PICTURE, init_images: [PIXEL], mask: PIXEL, denoising_strength: 0.5 }],
  ["/sdapi/v1/options", { sd_model_checkpoint: "tiny" }],
  ["/sdapi/v1/png-info", { image: PIXEL }],
  [
    "/controlnet/detect",
    { controlnet_module: "canny", controlnet_input_images: [PIXEL], controlnet_processor_res: 64 },
  ],
]

/** Routes without one, in which `NAME` stands for a name. */
const ADDRESSES = [
  ...["/v1/jobs?state=NAME", "/v1/jobs?limit=NAME", "/v1/jobs/NAME", "/v1/jobs/NAME/events", "/v1/files/NAME"],
  ...["/view?filename=NAME&type=input", "/view?filename=NAME&type=output", "/api/history/NAME", "/models/NAME"],
  ...["/object_info/NAME", "/experiment/models/NAME", "/userdata/NAME", "/userdata?dir=NAME&recurse=true"],
  ...["/settings/NAME", "/api/jobs/NAME", "/api/jobs?status=NAME&limit=NAME", "/history?max_items=NAME", "/NAME"],
  ...["/sdapi/v1/NAME", "/sdapi/v1/progress?skip_current_image=NAME", "/controlnet/NAME", "/extensions/NAME", "/NAME"],
]

/** A number in [0, 1) from a seed. Source: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** So many requests. The same seed gives the same ones. */
export function* hostileRequests(seed: number, count: number, targets: Targets): Generator<HostileRequest, void, void> {
  const random = randomOf(seed)
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const names = namesOf(targets)
  const odd = oddValues(names)
  const json = { "content-type": "application/json" }
  for (let i = 0; i < count; i++) {
    const [path, body] = one(BODIES)
    const text = JSON.stringify(body)
    const bytes = Buffer.from(text)
    const at = Math.floor(random() * bytes.length)
    const sent = (trick: string, changed: Uint8Array | string, headers: HostileRequest["headers"] = json) => ({
      ...{ trick, method: "POST", path, headers, body: Buffer.from(changed) },
    })
    const tricks: readonly (() => HostileRequest)[] = [
      () => sent("cut", bytes.subarray(0, at)),
      () => sent("changed bytes", withByte(bytes, at, Math.floor(random() * 256))),
      () => sent("odd value", JSON.stringify(replaced(body, Math.floor(random() * countOf(body)), one(odd)))),
      () => sent("name of a file", JSON.stringify(replacedText(body, random, one(names)))),
      () => sent("other shape", JSON.stringify(one(odd))),
      () => sent("other fields", `{"__proto__":{"kind":"generate"},"constructor":1,"toString":[],${text.slice(1)}`),
      () => {
        const [depth, open, close] = one([
          [20_000, "[", "]"],
          [5000, '{"inputs":', "}"],
        ] as const)
        const nested = `${open.repeat(depth)}1${close.repeat(one([depth, depth - 1]))}`
        const outer = JSON.stringify(replaced(body, Math.floor(random() * countOf(body)), "NESTED"))
        return sent("nested", outer.replace('"NESTED"', nested))
      },
      () =>
        sent(
          "noise",
          Uint8Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * 256)),
        ),
      () =>
        sent("type", text, { "content-type": one(["text/plain", "text/html", "multipart/form-data", "x", "a/b; c"]) }),
      () => ({
        ...{ trick: "address", method: one(["GET", "GET", "DELETE", "PUT", "POST"]), headers: {}, body: null },
        path: one(ADDRESSES).replaceAll("NAME", () => encodeURIComponent(one(names).replace(/[\ud800-\udfff]/g, "?"))),
      }),
    ]
    yield one(tricks)()
  }
}

/** Names that lead out of a folder, to an address, or nowhere. */
function namesOf({ address, file }: Targets): readonly string[] {
  const up = `${"../".repeat(12)}${file.slice(1)}`
  return [
    ...[file, up, `..${file}`, `x/../${up}`, up.replaceAll("/", "\\"), `${file}\0.png`, `file://${file}`, `~/${file}`],
    ...[encodeURIComponent(up), "..%2f..%2fjobs", "....//....//x", "%00", "..", ".", "/", "\\\\server\\share\\x"],
    ...[address, `${address}/a.png`, `${address}/m.safetensors`, address.replace("http:", ""), `hf:owner/name:${up}`],
    ...["http://169.254.169.254/latest/meta-data", "http://[::1]:1/", "gopher://127.0.0.1:1/", "data:text/html,x"],
    ...[
      "__proto__",
      "constructor",
      "hasOwnProperty",
      "tiny",
      "",
      " ",
      "a".repeat(5000),
      "\u202e\ud800",
      "CON",
      "nul.txt",
    ],
    ...[`sha256:${"0".repeat(64)}`, "0".repeat(64), `x_${"f".repeat(64)}.png`, "'; DROP TABLE jobs; --", "{{7*7}}"],
  ]
}

function oddValues(names: readonly string[]): readonly Json[] {
  return [
    ...[null, true, false, 0, -1, 1.5, 1e308, -1e308, 2 ** 53, 1e-320, 4096, 100_000, "", "NaN", "-0", "1e9"],
    ...[[], {}, [[]], [null], { path: "x" }, { "": {} }, [1, [2, [3]]], "\u0000", "𝕏".repeat(300)],
    ...names,
  ]
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[at] = value
  return changed
}

function entriesOf(value: Json): readonly (readonly [string, Json])[] {
  return typeof value === "object" && value !== null ? Object.entries(value) : []
}

/** The number of values inside of a value, itself included. */
function countOf(value: Json): number {
  return entriesOf(value).reduce((count, [, inner]) => count + countOf(inner), 1)
}

/** A value with another one in the place of its n-th. */
function replaced(value: Json, n: number, other: Json): Json {
  if (n === 0) return other
  let left = n - 1
  const entries = entriesOf(value).map(([name, inner]): readonly [string, Json] => {
    const size = countOf(inner)
    const here = left >= 0 && left < size ? replaced(inner, left, other) : inner
    left -= size
    return [name, here]
  })
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries)
}

/** A value with a name in the place of one of its texts. */
function replacedText(value: Json, random: () => number, name: string): Json {
  const places: number[] = []
  let place = 0
  const walk = (inner: Json): void => {
    if (typeof inner === "string") places.push(place)
    place += 1
    for (const [, each] of entriesOf(inner)) walk(each)
  }
  walk(value)
  return replaced(value, places[Math.floor(random() * places.length)] ?? 0, name)
}
