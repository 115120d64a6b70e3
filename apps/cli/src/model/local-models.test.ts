import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { OptionTable } from "@lllite/runtime-node/options"
import { joinLayers, readLayer, text, texts } from "@lllite/runtime-node/options"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { usageError } from "../command/command.ts"
import type { Reporter } from "../terminal/progress.ts"
import { localModels } from "./local-models.ts"

const table = { ckpt: text({ help: "" }), files: texts({ help: "" }), name: text({ help: "" }) } satisfies OptionTable
const silent: Reporter = { progress: () => {}, say: () => {}, close: () => {} }

let folder = ""
const server = createServer((request, response) => {
  const [, from = "0", to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? []
  const part = Buffer.from("weights").subarray(Number(from), to ? Number(to) + 1 : 7)
  response.writeHead(206, { "content-range": `bytes ${from}-${Number(from) + part.length - 1}/7`, etag: '"1"' })
  response.end(part)
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-models-"))
  vi.stubEnv("XDG_CACHE_HOME", folder)
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true })
})

it("gives local paths for addresses, also to readers with further sources", async () => {
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.safetensors`
  const entries = [
    ["ckpt", address] as const,
    ["files", ["b.safetensors", address]] as const,
    ["name", address] as const,
  ]
  const reader = joinLayers(table, {
    title: "test",
    layers: [readLayer(table, { where: "test", entries })],
    refuse: usageError,
  })
  const local = await localModels(reader, ["ckpt", "files"], silent, new AbortController().signal)
  const { ckpt = "" } = local.settings
  expect(ckpt.startsWith(folder)).toBe(true)
  expect(local.settings).toEqual({ ckpt, files: ["b.safetensors", ckpt], name: address })
  const own = local.override({ where: "test", entries: [["name", "mine"]] })
  expect(own.settings).toEqual({ ckpt, files: ["b.safetensors", ckpt], name: "mine" })
  expect(
    local.override({ where: "test", entries: [["ckpt", "tiny"]] }).override({ where: "test", entries: [] }).settings
      .ckpt,
  ).toBe("tiny")
  const more = local.withDefaults({
    where: "test",
    entries: [
      ["ckpt", "tiny"],
      ["name", "late"],
    ],
  })
  expect(more.settings).toEqual(local.settings)
})

it("gives the file that a pattern matches", async () => {
  await writeFile(join(folder, "model-1.safetensors"), "")
  const reader = joinLayers(table, {
    title: "test",
    layers: [readLayer(table, { where: "test", entries: [["ckpt", join(folder, "model*.safetensors")]] })],
    refuse: usageError,
  })
  const local = await localModels(reader, ["ckpt", "files"], silent, new AbortController().signal)
  expect(local.settings.ckpt).toBe(join(folder, "model-1.safetensors"))
})
