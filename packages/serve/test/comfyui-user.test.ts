import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { encodePng, encodePngWithAlpha, examineImage } from "@lllite/runtime-node"
import { describe, expect, it } from "vitest"
import { testFolder, testServer } from "./test-server.ts"

/** The page sends JSON without its type. */
function store(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: "POST", body: JSON.stringify(body) })
}

describe("what ComfyUI's page keeps", () => {
  it("has settings, which stay over a restart", async () => {
    const folder = await testFolder()
    const first = await testServer({ folder })
    expect(await (await fetch(`${first.url}/api/users`)).json()).toEqual({ storage: "server", migrated: true })
    expect(await (await fetch(`${first.url}/api/settings`)).json()).toEqual({})
    await store(`${first.url}/api/settings`, { "Comfy.Locale": "ja" })
    await store(`${first.url}/api/settings/Comfy.Snap`, 8)
    await first.close()
    const { url } = await testServer({ folder })
    expect(await (await fetch(`${url}/api/settings`)).json()).toEqual({ "Comfy.Locale": "ja", "Comfy.Snap": 8 })
    expect(await (await fetch(`${url}/api/settings/Comfy.Snap`)).json()).toBe(8)
    expect(await (await fetch(`${url}/api/settings/toString`)).json()).toBeNull()
  })

  it("has files in folders, which are listed, moved and removed", async () => {
    const { url } = await testServer()
    const file = (path: string): string => `${url}/userdata/${encodeURIComponent(path)}`
    expect(await (await fetch(`${url}/userdata?dir=workflows`)).json()).toEqual([])
    expect(await (await store(`${file("workflows/a.json")}?overwrite=false&full_info=true`, { a: 1 })).json()).toEqual({
      ...{ path: "workflows/a.json", size: 7, modified: expect.any(Number), created: expect.any(Number) },
    })
    expect((await store(`${file("workflows/a.json")}?overwrite=false`, {})).status).toBe(409)
    await store(file("workflows/deep/b.json"), {})
    const list = async (query: string): Promise<unknown> =>
      (await fetch(`${url}/userdata?dir=workflows${query}`)).json()
    expect(await list("")).toEqual(["a.json"])
    expect(await list("&recurse=true")).toEqual(["a.json", "deep/b.json"])
    expect(await list("&recurse=true&split=true")).toContainEqual(["deep/b.json", "deep", "b.json"])
    expect(await list("&full_info=true")).toMatchObject([{ path: "a.json", size: 7 }])
    const moved = await fetch(`${file("workflows/a.json")}/move/${encodeURIComponent("workflows/c.json")}`, {
      method: "POST",
    })
    expect(await moved.json()).toBe("workflows/c.json")
    expect(await (await fetch(file("workflows/c.json"))).json()).toEqual({ a: 1 })
    expect((await fetch(file("workflows/a.json"))).status).toBe(404)
    expect((await fetch(file("workflows/c.json"), { method: "DELETE" })).status).toBe(204)
    expect((await fetch(file("workflows/c.json"), { method: "DELETE" })).status).toBe(404)
  })

  it("reaches nothing outside", async () => {
    const { url, folder } = await testServer()
    for (const path of ["../a", "a/../../b", "/etc/passwd", "a\\..\\b", "a\0b", "..", "", "x".repeat(181), "a//b"]) {
      const address = `${url}/userdata/${encodeURIComponent(path)}`
      expect((await store(address, {})).status, path).toBeGreaterThanOrEqual(400)
      expect((await fetch(address)).status, path).toBeGreaterThanOrEqual(400)
    }
    expect(await readdir(join(folder))).not.toContain("comfyui")
  })

  it("is not for pages elsewhere", async () => {
    const { url } = await testServer()
    const headers = { origin: "http://evil.example", "content-type": "text/plain" }
    const answer = await fetch(`${url}/settings`, { method: "POST", headers, body: '{"a":1}' })
    expect(answer.status).toBe(403)
    expect(await (await fetch(`${url}/settings`)).json()).toEqual({})
  })
})

describe("uploads of masks", () => {
  const size = { width: 4, height: 2 }
  const send = async (url: string, route: string, name: string, bytes: Uint8Array, ref?: string): Promise<Response> => {
    const form = new FormData()
    if (ref !== undefined) form.set("original_ref", ref)
    form.set("image", new Blob([new Uint8Array(bytes)]), name)
    return fetch(`${url}/upload/${route}`, { method: "POST", body: form })
  }

  it("give the picture that they name their alpha", async () => {
    const { url } = await testServer()
    await send(url, "image", "photo.png", encodePng({ ...size, data: new Uint8Array(24).fill(90) }))
    const alpha = encodePngWithAlpha({ ...size, data: Uint8Array.from({ length: 32 }, (_, i) => (i < 16 ? 0 : 255)) })
    const answer = await send(url, "mask", "clipspace-mask.png", alpha, JSON.stringify({ filename: "photo.png" }))
    expect(await answer.json()).toEqual({ name: "clipspace-mask.png", subfolder: "", type: "input" })
    const shown = await fetch(`${url}/view?filename=clipspace-mask.png&type=input`)
    const { image, alpha: read } = await examineImage(new Uint8Array(await shown.arrayBuffer()))
    expect([...image.data].every((value) => value === 90)).toBe(true)
    expect([...(read?.data ?? [])]).toEqual([0, 0, 0, 0, 255, 255, 255, 255])
  })

  it("are refused without their picture, and in another size", async () => {
    const { url } = await testServer()
    await send(url, "image", "photo.png", encodePng({ ...size, data: new Uint8Array(24) }))
    const small = encodePngWithAlpha({ width: 1, height: 1, data: new Uint8Array(4) })
    for (const [ref, code] of [
      [undefined, "body"],
      ["no JSON", "body"],
      [JSON.stringify({ filename: "../photo.png" }), "file-unknown"],
      [JSON.stringify({ filename: "photo.png" }), "body"],
    ] as const) {
      const answer = await send(url, "mask", "m.png", small, ref)
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code } }])
    }
  })
})
