import type { Redis } from "ioredis"

/** Bytes of a job's id before its preview. */
const ID_BYTES = 36

/** Sends a preview to the server that waits for the job. One that nothing listens to is dropped. */
export async function publishPreview(client: Redis, channel: string, job: string, png: Uint8Array): Promise<void> {
  await client.publish(channel, Buffer.concat([Buffer.from(job, "latin1"), png]))
}

/** Listens to the previews of a server's jobs, on a connection of its own. */
export function subscribePreviews(
  client: Redis,
  channel: string,
  listener: (job: string, png: Uint8Array) => void,
): { close(): void } {
  const own = client.duplicate()
  // The first connection reports what is wrong.
  own.on("error", () => {})
  own.on("messageBuffer", (_: Buffer, message: Buffer) => {
    if (message.length > ID_BYTES) listener(message.toString("latin1", 0, ID_BYTES), message.subarray(ID_BYTES))
  })
  // After a lost connection the client subscribes anew.
  own.subscribe(channel).catch(() => {})
  return { close: () => own.disconnect() }
}
