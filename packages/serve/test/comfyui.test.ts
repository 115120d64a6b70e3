import { Client } from "@stable-canvas/comfyui-client"
import { describe, expect, it, onTestFinished } from "vitest"
import WebSocket from "ws"
import { QUEUES, useRedis } from "./queues.ts"
import { gate, PNG, post, testRunner, testServer } from "./test-server.ts"

/** A graph in the API form: an LLLite that follows an uploaded picture. */
function graphOf(seed: number | string, picture = "edges.png"): Readonly<Record<string, object>> {
  return {
    "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "tiny" } },
    "2": { class_type: "LoadImage", inputs: { image: picture } },
    "3": {
      class_type: "LLLiteLoader",
      inputs: {
        ...{ model: ["1", 0], model_name: "canny.safetensors", cond_image: ["2", 0] },
        ...{ strength: 1, steps: 0, start_percent: 0, end_percent: 0 },
      },
    },
    "4": { class_type: "CLIPTextEncode", inputs: { text: "a red star", clip: ["1", 1] } },
    "5": { class_type: "CLIPTextEncode", inputs: { text: "", clip: ["1", 1] } },
    "6": { class_type: "EmptyLatentImage", inputs: { width: 64, height: 64, batch_size: 1 } },
    "7": {
      class_type: "KSampler",
      inputs: {
        ...{ model: ["3", 0], seed, steps: 4, cfg: 2, sampler_name: "euler", scheduler: "normal", denoise: 1 },
        ...{ positive: ["4", 0], negative: ["5", 0], latent_image: ["6", 0] },
      },
    },
    "8": { class_type: "VAEDecode", inputs: { samples: ["7", 0], vae: ["1", 2] } },
    "9": { class_type: "SaveImage", inputs: { images: ["8", 0], filename_prefix: "stars/red" } },
  }
}

const library = {
  list: async (kind: string) =>
    kind === "adapter" ? [{ name: "canny.safetensors", path: "/m/canny.safetensors" }] : [],
}

async function upload(url: string, name: string, bytes: Buffer): Promise<Response> {
  const form = new FormData()
  form.set("image", new Blob([new Uint8Array(bytes)]), name)
  return fetch(`${url}/upload/image`, { method: "POST", body: form })
}

function clientOf(url: string): Client {
  const client = new Client({
    ...{ api_host: new URL(url).host, clientId: "one" },
    fetch,
    WebSocket,
  })
  onTestFinished(() => client.close())
  return client
}

useRedis()

for (const { queue, options, open } of QUEUES) {
  describe(`ComfyUI's API, with jobs that run ${queue}`, options, () => {
    it("runs a workflow of npm's client, with its progress, its preview and its picture", async () => {
      const hold = gate()
      const seeds: unknown[] = []
      const runner = testRunner(async ({ input, report }) => {
        seeds.push(input.recipes[0]?.seed)
        await hold.opened
        report({ type: "progress", phase: "generate", done: 0.5, count: 1, step: 2, steps: 4 })
        report({ type: "preview", png: PNG })
      })
      const { url } = await open({ runner, library, previews: true })
      expect(await (await upload(url, "edges.png", PNG)).json()).toEqual({
        name: "edges.png",
        subfolder: "",
        type: "input",
      })
      const client = clientOf(url)
      client.connect()
      const [progress, previews]: [unknown[], unknown[]] = [[], []]
      client.on("progress", (data) => void progress.push(data))
      client.on("b_preview", (data) => void previews.push(data))
      await new Promise((resolve) => client.on("status", resolve))
      const ended = new Promise<unknown>((resolve) => client.on("execution_success", resolve))
      const accepted = await client._enqueue_prompt(graphOf("18446744073709551615"))
      const { Running: running, Pending: pending } = await client.getQueue()
      expect([...running, ...pending]).toHaveLength(1)
      hold.open()
      await ended
      expect(seeds).toEqual(["18446744073709551615"])
      expect(progress).toMatchObject([{ value: 2, max: 4, node: "7" }])
      expect(previews).toHaveLength(1)
      const { History: history } = await client.getHistory()
      expect(history).toMatchObject([{ status: { status_str: "success", completed: true } }])
      const [entry] = history
      if (entry === undefined) throw new Error("the history has no entry")
      const [image] = entry.outputs["9"].images
      expect(image.filename).toMatch(/^stars_red_[0-9a-f]{64}\.png$/)
      const shown = await fetch(client.viewURL(image.filename, image.subfolder, image.type))
      expect(Buffer.from(await shown.arrayBuffer()).subarray(0, PNG.length)).toEqual(PNG)
      expect(accepted.prompt_id).toBe(entry.prompt[1])
    })
  })
}

describe("ComfyUI's API", () => {
  it("keeps a seed above 2^53 that stands as a number", async () => {
    const seeds: unknown[] = []
    const { url } = await testServer({
      runner: testRunner(async ({ input }) => void seeds.push(input.recipes[0]?.seed)),
      library,
    })
    await upload(url, "edges.png", PNG)
    const text = JSON.stringify({ prompt: graphOf(0) }).replace('"seed":0', '"seed":18446744073709551615')
    const { prompt_id: id } = (await (await post(`${url}/prompt`, text)).json()) as { readonly prompt_id: string }
    await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
    expect(seeds).toEqual(["18446744073709551615"])
  })

  it("shows the nodes that it follows, with the models and pictures that are there", async () => {
    const { url } = await testServer({ library })
    await upload(url, "edges.png", PNG)
    const client = clientOf(url)
    const nodes = await client.getNodeDefs()
    expect(nodes.LLLiteLoader?.input.required?.model_name).toEqual([["canny.safetensors"], {}])
    expect(nodes.LoadImage?.input.required?.image?.[0]).toEqual(["edges.png"])
    expect(nodes.KSampler?.input.required?.sampler_name?.[0]).toContain("dpmpp_2m")
    expect(await client.getEmbeddings()).toEqual([])
    expect((await client.getSystemStats()).devices).toHaveLength(1)
    for (const prefix of ["", "/api"]) {
      expect(await (await fetch(`${url}${prefix}/models/checkpoints`)).json()).toEqual(["tiny"])
    }
  })

  it("refuses a graph by name, and what is not a picture", async () => {
    const { url } = await testServer({ library })
    const ask = async (prompt: unknown): Promise<string> => {
      const answer = await post(`${url}/prompt`, { prompt })
      const { error } = (await answer.json()) as { readonly error: { readonly type: string; readonly message: string } }
      return `${answer.status} ${error.type}: ${error.message}`
    }
    expect(await ask(graphOf(1))).toMatch(/^400 file-unknown: the control picture "edges.png"/)
    expect(await ask(graphOf(1, "../../jobs"))).toMatch(/^400 file-unknown/)
    expect(await ask({ "1": { class_type: "RunShell", inputs: {} } })).toMatch(/^400 workflow-unsupported: .*RunShell/)
    expect(await ask([])).toMatch(/^400 body/)
    expect((await upload(url, "a.png", Buffer.from("<html>"))).status).toBe(400)
    for (const name of ["../../etc/passwd", "..", "%00", `x_${"0".repeat(64)}.png`]) {
      for (const type of ["input", "output"]) {
        const address = `${url}/view?filename=${encodeURIComponent(name)}&type=${type}`
        expect((await fetch(address)).status, name).toBe(404)
      }
    }
  })

  it("gives an upload a name without folders, and another picture another one", async () => {
    const { url } = await testServer()
    const other = Buffer.concat([PNG, Buffer.from("x")])
    const named = async (name: string, bytes: Buffer): Promise<string> =>
      ((await (await upload(url, name, bytes)).json()) as { readonly name: string }).name
    expect(await named("../../a.png", PNG)).toBe("a.png")
    expect(await named("a.png", PNG)).toBe("a.png")
    expect(await named("a.png", other)).toBe("a (1).png")
  })

  it("interrupts what runs, and removes what waits", async () => {
    const started = gate()
    const runner = testRunner(({ signal }) => {
      started.open()
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    })
    const { url } = await testServer({ runner, library })
    await upload(url, "edges.png", PNG)
    const client = clientOf(url)
    const [first, second] = [await client._enqueue_prompt(graphOf(1)), await client._enqueue_prompt(graphOf(2))]
    await started.opened
    await client.deleteItem("queue", second.prompt_id)
    await client.interrupt()
    await (await fetch(`${url}/v1/jobs/${first.prompt_id}/events`)).text()
    const { History: history } = await client.getHistory()
    expect(history.map(({ status }) => status?.status_str)).toEqual(["error", "error"])
    await client.clearItems("history")
    expect((await client.getHistory()).History).toEqual([])
  })
})
