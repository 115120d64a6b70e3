import { readFile, writeFile } from "node:fs/promises"
import { setTimeout } from "node:timers/promises"
import { expect, it } from "vitest"
import { endedJob, PNG, RECIPE, startJob, testFolder, testServer } from "./test-server.ts"

/** Uploads bytes, and gives their hash. */
async function upload(url: string, bytes: Buffer): Promise<string> {
  const answer = await fetch(`${url}/v1/files`, { method: "POST", body: new Uint8Array(bytes) })
  return ((await answer.json()) as { readonly sha256: string }).sha256
}

it("removes uploads that no job uses after their time, and keeps what jobs use", async () => {
  const folder = await testFolder()
  const first = await testServer({ folder })
  const [used, unused] = [await upload(first.url, PNG), await upload(first.url, Buffer.from("other"))]
  const form = new FormData()
  form.set("image", new Blob([new Uint8Array(Buffer.concat([PNG, Buffer.from("named")]))]), "named.png")
  await fetch(`${first.url}/upload/image`, { method: "POST", body: form })
  const start = { image: { path: "start.png", sha256: used } }
  const job = await endedJob(first.url, (await startJob(first.url, { ...RECIPE, start })).id)
  await first.close()

  const { url } = await testServer({ folder, limits: { uploadSeconds: 1 } })
  const status = async (sha256: string): Promise<number> => (await fetch(`${url}/v1/files/${sha256}`)).status
  while ((await status(unused)) === 200) await setTimeout(50)
  // A picture that is sent again stays for as long again.
  const [again, result] = [await upload(url, Buffer.from("again")), job.results[0]?.sha256 ?? ""]
  expect([await status(used), await status(result), await status(again)]).toEqual([200, 200, 200])
  while ((await fetch(`${url}/view?filename=named.png&type=input`)).status === 200) await setTimeout(50)
  while ((await status(again)) === 200) await setTimeout(50)
  expect([await status(used), await status(result)]).toEqual([200, 200])
})

it("leaves files alone that are not its own", async () => {
  const folder = await testFolder()
  const first = await testServer({ folder })
  await upload(first.url, PNG)
  await first.close()
  await writeFile(`${folder}/contents/notes.txt`, "mine")
  const { url } = await testServer({ folder, limits: { uploadSeconds: 0.1 } })
  await setTimeout(500)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  expect(await readFile(`${folder}/contents/notes.txt`, "utf8")).toBe("mine")
})
