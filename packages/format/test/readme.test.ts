import { readFileSync } from "node:fs"
import { describe, expect, it, vi } from "vitest"
import * as edit from "../src/edit/index.ts"
import * as health from "../src/health/index.ts"
import * as identify from "../src/identify/index.ts"
import * as format from "../src/index.ts"
import * as modelspec from "../src/modelspec/index.ts"
import * as remote from "../src/remote/index.ts"
import * as selections from "../src/selections/index.ts"
import * as write from "../src/write/index.ts"
import { sendRange, startServer } from "./file-server.ts"
import { smallLllite } from "./lllite-file.ts"

const DOCUMENTS = ["../README.md", "../../../docs/guides/files.md"]
const documents = DOCUMENTS.map((path) => readFileSync(new URL(path, import.meta.url), "utf8")).join("\n")
const blocks = [...documents.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code ?? "")

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...args: unknown[]) => Promise<Record<string, unknown>>

/** Runs a block of the documents with `inputs` in scope, and returns the values of the names and expressions asked for. */
async function run(
  code: string,
  inputs: Readonly<Record<string, unknown>>,
  results: readonly string[],
): Promise<unknown[]> {
  const body = code.replaceAll(
    /^import \{(.*?)\} from "@lllite\/(?:format\/)?([a-z]+)"$/gm,
    (_, names: string, from: string) => `const {${names}} = entries.${from}`,
  )
  const scope = { entries: { edit, format, health, identify, modelspec, remote, selections, write }, ...inputs }
  const asked = results.map((result) => `${JSON.stringify(result)}: ${result}`).join(", ")
  const values = await new AsyncFunction(...Object.keys(scope), `${body}\nreturn { ${asked} }`)(...Object.values(scope))
  return results.map((result) => values[result])
}

/** The one block that has this text in it. */
function block(text: string): string {
  const found = blocks.filter((code) => code.includes(text))
  if (found.length !== 1) throw new Error(`${found.length} blocks of the README and the guide have ${text}`)
  return found[0] ?? ""
}

/** Stands in for a published file, which takes 44 MB. */
const published = smallLllite({ dtype: "F16", metadata: new Map([["modelspec.title", "small"]]) })

describe("the examples of the README and the guide run", () => {
  it("look into an LLLite", async () => {
    const inputs = { blob: new Blob([await published]) }
    const results = ["file.sites[0]", "file.dims", "file.dtypes", "down.length"]
    const [site, dims, dtypes, length] = await run(block("file.parameterCount"), inputs, results)
    expect(site).toMatchObject({ block: "input 4", index: 0, attention: "self", projection: "q", depth: 2 })
    expect([dims, dtypes, length]).toEqual([{ condDim: 4, mlpDim: 3 }, ["F16"], 3 * 16])
  })

  it("list sites", async () => {
    const expressions = [
      "usual.length",
      "more.length",
      "parameterCount(more, { condDim: 32, mlpDim: 64 })",
      "compareSites(usual, more).missing[0].path",
    ]
    const code = block("compareSites")
    // Each comment of the block says what the expression before it gives.
    const said = expressions.map((expression) => {
      const line = code.split("\n").find((text) => text.startsWith(`${expression} // `)) ?? ""
      return JSON.parse(line.slice(`${expression} // `.length)) as unknown
    })
    expect(await run(code, {}, expressions)).toEqual(said)
  })

  it("write an LLLite", async () => {
    const [half] = await run(block("serializeLllite"), { blob: new Blob([await published]) }, ["half"])
    const file = await format.readLllite(half as Uint8Array)
    expect(file.metadata.get("modelspec.title")).toBe("canny, half precision")
    expect(file.sites).toEqual((await format.readLllite(await published)).sites)
  })

  it("any safetensors file", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {})
    const inputs = { blob: new Blob([await published]) }
    const [copy, values, raw] = await run(block("identify(file)"), inputs, ["copy", "values", "raw"])
    expect(log).toHaveBeenCalledWith(expect.stringMatching(/^lllite_unet_/), "F16", [2])
    log.mockRestore()
    const file = await format.openSafetensors(copy as Uint8Array)
    expect(await file.readFloat32("only")).toEqual(values)
    expect((raw as Uint8Array).byteLength).toBe(2 * (values as Float32Array).length)
  })

  it("read from anywhere", async () => {
    const bytes = await published
    const server = await startServer((request, response) => sendRange(request, response, bytes))
    const url = `${server.origin}/canny.safetensors`
    const [label, count] = await run(block("fromUrl"), { url }, ["file.label", "file.sites.length"])
    expect([label, count]).toEqual([url, (await format.readLllite(bytes)).sites.length])
    await server.close()
  })

  it("is it healthy?", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {})
    const inputs = { blob: new Blob([await published]) }
    const [first, largest] = await run(block("checkLllite"), inputs, ["blocks[0]", "sites[0].largestActivation"])
    expect(first).toMatchObject({ block: "input 4", strength: expect.any(Number), norms: { up: expect.any(Number) } })
    expect(largest).toBeGreaterThan(0)
    log.mockRestore()
  })

  it("change a file", async () => {
    const inputs = { blob: new Blob([await published]) }
    const [sha256, autoV2, narrow, sites, first] = await run(block("resizeLllite"), inputs, [
      "sha256",
      "autoV2",
      "narrow.sites[0]",
      "sites",
      "first",
    ])
    expect(String(sha256).startsWith(String(autoV2))).toBe(true)
    expect(narrow).toMatchObject({ site: { mlpDim: 2 }, relative: expect.any(Number), bound: expect.any(Number) })
    expect(sites).toHaveLength((await format.readLllite(await published)).sites.length)
    const { sites: left } = await format.readLllite(first as Blob)
    expect(new Set(left.map((site) => site.block))).toEqual(new Set(["input 4"]))
  })

  it("when a file is refused", async () => {
    // The block handles the error; without its handler the same call has to throw what the comments say.
    const code = block("FormatError")
    await run(code, {}, [])
    const [, call] = /try \{\n(.*?)\n\}/s.exec(code) ?? []
    const error: unknown = await run(`import { readLllite } from "@lllite/format"\n${call}`, {}, []).catch(
      (e: unknown) => e,
    )
    expect(error).toMatchObject({ name: "FormatError", code: "pickle" })
    const [, beginning] = /error\.message \/\/ '(.*?) …'/.exec(code) ?? []
    expect(beginning).toBeTruthy()
    expect((error as Error).message.startsWith(beginning ?? "")).toBe(true)
  })

  it("refused with what it is", async () => {
    const code = block("expectLllite")
    const [count] = await run(code, { blob: new Blob([await published]) }, ["file.sites.length"])
    expect(count).toBe((await format.readLllite(await published)).sites.length)
    const tensor = { dtype: "U8", shape: [1], bytes: Uint8Array.of(1) } as const
    const lora = write.serializeSafetensors(new Map([["lora_unet_x.lora_down.weight", tensor]]))
    const [, message = ""] = /throws '(.*?) …'/.exec(code) ?? []
    await expect(run(code, { blob: new Blob([lora]) }, [])).rejects.toThrow(message)
  })

  it("and there is no block that is not run here", () => {
    expect(blocks).toHaveLength(9)
  })
})
