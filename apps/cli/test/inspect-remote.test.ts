import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { serializeSafetensors } from "@lllite/format/write"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { runProgram } from "../src/program.ts"

/* `lllite inspect` of files that are not here: a server on this machine stands for the web, and for the Hub. */

/** A LoRA of 3 MB, of which only the header is to be read. */
const large = serializeSafetensors(
  new Map([["lora_unet_down_blocks_0.lora_down.weight", { dtype: "U8", shape: [3e6], bytes: new Uint8Array(3e6) }]]),
  new Map([["note", "from afar"]]),
)

let server: Server
let origin = ""
const asked: { path: string; range: string | undefined; token: string | undefined }[] = []

function answer({ url = "", headers }: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(url, "http://x").pathname)
  asked.push({ path, range: headers.range, token: headers.authorization })
  if (path === "/api/models/owner/name/revision/main") {
    response.end(JSON.stringify({ siblings: [{ rfilename: "README.md" }, { rfilename: "canny β.safetensors" }] }))
  } else if (path === "/api/models/owner/many/revision/main") {
    response.end(JSON.stringify({ siblings: [{ rfilename: "a.safetensors" }, { rfilename: "b.safetensors" }] }))
  } else if (path.endsWith("/canny β.safetensors")) sendRange(headers.range, response)
  else if (path === "/login.safetensors") response.end("<!doctype html><title>log in</title>")
  else response.writeHead(404).end()
}

function sendRange(range: string | undefined, response: ServerResponse): void {
  const [, from = "", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? []
  const part = large.subarray(Number(from), Number(to) + 1)
  response.writeHead(206, {
    "content-range": `bytes ${from}-${Number(from) + part.length - 1}/${large.length}`,
    "content-length": part.length,
  })
  response.end(part)
}

async function inspect(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = { stdout: "", stderr: "" }
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      output[name] += String(text)
      return true
    }),
  )
  const code = await runProgram(["inspect", ...args]).finally(() => {
    for (const spy of spies) spy.mockRestore()
  })
  return { code, ...output }
}

beforeAll(async () => {
  server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  asked.length = 0
  vi.stubEnv("HF_ENDPOINT", origin)
  vi.stubEnv("HF_TOKEN", "hf_x")
})
afterEach(() => vi.unstubAllEnvs())

const LORA = { kind: "lora", bytes: large.length, tensors: 1, metadata: { note: "from afar" } }

describe("inspect", () => {
  it("reads an address, and of a large file only the beginning", async () => {
    const url = `${origin}/canny%20β.safetensors`
    const { code, stdout, stderr } = await inspect(url, "--json")
    expect([code, stderr]).toEqual([0, ""])
    expect(JSON.parse(stdout)).toMatchObject({ ...LORA, file: url })
    expect(asked.map(({ range }) => range)).toEqual(["bytes=0-65535"])
  })

  it("sends the Hub's token to no other server", async () => {
    vi.stubEnv("HF_ENDPOINT", "https://hub.invalid")
    await inspect(`${origin}/canny%20β.safetensors`)
    expect(asked.map(({ token }) => token)).toEqual([undefined])
  })

  it.each(["owner/name", "hf:owner/name", "owner/name@main:canny β.safetensors"])("finds %s on the Hub", async (id) => {
    const { code, stdout } = await inspect(id, "--json")
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ...LORA, file: id })
    expect(asked.at(-1)).toEqual({
      path: "/owner/name/resolve/main/canny β.safetensors",
      range: "bytes=0-65535",
      token: "Bearer hf_x",
    })
  })

  it("says the same to people", async () => {
    const { stdout } = await inspect("owner/name")
    expect(stdout).toMatch(/^file +owner\/name\nkind +lora: a LoRA \(kohya names\)\n/)
    expect(stdout).toMatch(/size +2\.9 MiB \(3,000,\d{3} bytes\)/)
  })

  it.each([
    ["owner/many", /"owner\/many@main": it has 2 files to choose from\. Name one: "owner\/many:a\.safetensors"/],
    ["owner/none", /owner\/none@main": the server answered 404 Not Found\. The file does not exist/],
    ["hf:nothing", /"hf:nothing" is not the name of a repository, expected hf:owner\/name/],
  ])("refuses %s in one line that says what to do", async (id, message) => {
    const { code, stdout, stderr } = await inspect(id)
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).toMatch(message)
    expect(stderr.trim().split("\n")).toHaveLength(1)
  })

  it("refuses a page where a file was expected", async () => {
    const { code, stderr } = await inspect(`${origin}/login.safetensors`)
    expect(code).toBe(1)
    expect(stderr).toMatch(/login\.safetensors": (expected a safetensors file, this is a web page|the server neither)/)
  })
})
