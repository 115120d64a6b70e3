import type { WebSocket } from "@fastify/websocket"
import type { Job, JobEvent } from "../jobs/job.ts"
import { isFinal } from "../jobs/job.ts"
import type { JobQueue } from "../jobs/job-queue.ts"
import type { PromptNote } from "./prompt.ts"
import { noteOf, outputsOf } from "./prompt.ts"

/** Numbers of ComfyUI's binary frames: a preview, as a PNG. */
const [PREVIEW, AS_PNG] = [1, 2]

/** Bytes that may wait for a slow client. Then previews are left out. */
const MOST_WAITING = 2 ** 22

/** Clients that watch jobs over WebSockets, as ComfyUI's page does. */
export interface Sockets {
  add(socket: WebSocket, client: string): void
  /** Ends all connections. */
  close(): void
}

export function createSockets(queue: JobQueue): Sockets {
  const clients = new Map<WebSocket, string>()
  const status = (): object => ({
    status: { exec_info: { queue_remaining: queue.waiting.length + queue.running.length } },
  })
  const send = (socket: WebSocket, type: string, data: object): void => socket.send(JSON.stringify({ type, data }))
  const ofClient = (note: PromptNote): readonly WebSocket[] =>
    [...clients].flatMap(([socket, client]) => (note.client === null || client === note.client ? [socket] : []))
  const leave = queue.listen({
    event(job, event) {
      const note = noteOf(job)
      if (note !== null) {
        for (const [type, data] of messagesOf(job, event, note))
          for (const socket of ofClient(note)) send(socket, type, data)
      }
      if (event.type === "state") for (const socket of clients.keys()) send(socket, "status", status())
    },
    preview(job, png) {
      const note = noteOf(job)
      if (note === null) return
      const head = Buffer.alloc(8)
      head.writeUInt32BE(PREVIEW, 0)
      head.writeUInt32BE(AS_PNG, 4)
      for (const socket of ofClient(note)) {
        if (socket.bufferedAmount < MOST_WAITING) socket.send(Buffer.concat([head, png]))
      }
    },
  })
  return {
    add(socket, client) {
      clients.set(socket, client)
      socket.on("close", () => clients.delete(socket))
      socket.on("error", () => clients.delete(socket))
      send(socket, "status", { ...status(), sid: client })
    },
    close() {
      leave()
      for (const socket of clients.keys()) socket.close(1001)
    },
  }
}

type Message = readonly [type: string, data: object]

/** An event of a job as ComfyUI's messages. */
function messagesOf(job: Job, event: JobEvent, note: PromptNote): readonly Message[] {
  const about = { prompt_id: job.id, timestamp: Date.now() }
  const node = { node: note.sampler, display_node: note.sampler, prompt_id: job.id }
  if (event.type === "progress") {
    const { step, steps } = event
    return step === undefined ? [] : [["progress", { value: step, max: steps, prompt_id: job.id, node: note.sampler }]]
  }
  if (event.type !== "state") return []
  if (event.state === "running") {
    return [
      ["execution_start", about],
      ["execution_cached", { ...about, nodes: [] }],
      ["executing", node],
    ]
  }
  if (!isFinal(job)) return []
  const outputs = Object.entries(outputsOf(job.results, note)).map(
    ([id, output]): Message => ["executed", { node: id, display_node: id, output, prompt_id: job.id }],
  )
  return [...outputs, endOf(job, about, note), ["executing", { node: null, prompt_id: job.id }]]
}

/** How a job ended, as ComfyUI's message. */
export function endOf({ state, error }: Job, about: object, { sampler }: PromptNote): Message {
  if (state === "done") return ["execution_success", about]
  const at = { ...about, node_id: sampler, node_type: "KSampler", executed: [] }
  if (state === "cancelled") return ["execution_interrupted", at]
  return [
    "execution_error",
    {
      ...at,
      exception_message: error?.message ?? "",
      exception_type: error?.code ?? "",
      traceback: [],
      current_inputs: {},
    },
  ]
}
