import { hashFile } from "./hash-file.ts"

/*
 * Hashes one file. This is a separate worker, since a checkpoint takes a minute, and the page draws meanwhile.
 */
addEventListener("message", async ({ data: file }: MessageEvent<Blob>) => {
  postMessage(await hashFile(file).catch(() => null))
})
