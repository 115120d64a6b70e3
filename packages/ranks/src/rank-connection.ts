import { checkServerIdentity, type PeerCertificate } from "node:tls"
import type { StepGroup, StepPart } from "@lllite/core/runtime"
import { createPartFeedback, type LossAndGradients, type PartFeedback } from "@lllite/core/training"
import { WebSocket } from "ws"
import { addressText, type RankAddress } from "./address.ts"
import { canLead, type LedBranch, leadBranch } from "./branch.ts"
import { RanksError } from "./errors.ts"
import { createLink, type Link, MAX_FRAME } from "./link.ts"
import { type FromRank, PATH, PROTOCOL, readFromHub } from "./messages.ts"
import { createPieceSender } from "./pieces.ts"
import type { RankOptions } from "./rank-options.ts"

/** How a connection ended. */
export type Ended =
  | { readonly kind: "end" }
  /** The rank belongs to a branch. */
  | { readonly kind: "go"; readonly address: RankAddress }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "parted"; readonly reason: string; readonly hadJoined: boolean }

/** @throws RanksError `address` */
export function urlOf(address: RankAddress, isSecure: boolean): string {
  const url = `${isSecure ? "wss" : "ws"}://${addressText(address)}${PATH}`
  if (URL.canParse(url)) return url
  throw new RanksError(
    "address",
    `ranks: ${JSON.stringify(addressText(address))} is not an address. Expected a host and a port, such as 10.0.0.1:7700.`,
  )
}

/**
 * One connection, from its start to its end.
 *
 * @param unreached the branch that this rank was sent to and did not reach, as the address's text
 */
export function connected(to: RankAddress, options: RankOptions, unreached: string | null): Promise<Ended> {
  const { address, token, tls, identity, name, places, signal, onEvent = () => {} } = options
  const url = urlOf(to, tls !== undefined)
  /** A rank that leads a branch shows a certificate for the name of the leading process. The type of ws is too narrow. */
  const isOfRun = (_: string, certificate: unknown): never =>
    checkServerIdentity(address.host, certificate as PeerCertificate) as never
  return new Promise((resolve) => {
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token}` },
      ...{ handshakeTimeout: 10_000, maxPayload: MAX_FRAME, perMessageDeflate: false },
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      ...(to === address ? {} : { checkServerIdentity: isOfRun }),
    })
    let work: RankWork | null = null
    let outcome: Ended | null = null
    let hadJoined = false
    let local = "127.0.0.1"
    const leave = (): void => socket.terminate()
    signal.addEventListener("abort", leave, { once: true })
    const finish = (reason: string): void => {
      signal.removeEventListener("abort", leave)
      const isOver = outcome?.kind === "end"
      // The ranks of a branch wait where this one does.
      void work?.end(isOver ? "ended" : "stopped").then(() => {
        resolve(outcome ?? { kind: "parted", reason, hadJoined })
      })
      if (work === null) resolve(outcome ?? { kind: "parted", reason, hadJoined })
    }
    socket.once("unexpected-response", (request, { statusCode }) => {
      outcome = answered(statusCode ?? 0)
      request.destroy()
      finish("")
    })
    socket.once("upgrade", (response) => {
      local = response.socket.localAddress ?? local
    })
    // Before the connection is open. Later, the link takes errors.
    socket.once("error", ({ message }) => finish(message))
    socket.once("open", () => {
      const link = createLink(socket, {
        message(data) {
          const message = readFromHub(data)
          if (message === null) return link.drop("it sent a message of another form")
          if (message.kind === "end" || message.kind === "refused") {
            outcome = message
            return link.close()
          }
          if (message.kind === "go") {
            outcome = { kind: "go", address: { host: message.host, port: message.port } }
            return link.close()
          }
          if (message.kind === "stopped") {
            outcome = { kind: "parted", reason: "the training was stopped, and may be continued", hadJoined }
            return link.close()
          }
          if (message.kind === "welcome") {
            hadJoined = true
            return onEvent({ kind: "joined", address: to })
          }
          if (message.kind === "lead") return void work?.lead(local)
          if (message.kind === "abort") return work?.abort(message.id)
          if (message.kind === "take") return void work?.take(message.id, message.before)
          void (message.kind === "part" ? work?.part(message.id, message.part) : work?.group(message.id, message.group))
        },
        ended: finish,
      })
      work = createWork(link, options)
      void say(link, {
        ...{ kind: "hello", protocol: PROTOCOL, name, places, identity },
        ...{ leads: canLead(options), unreached },
      })
    })
  })
}

/** What an answer has besides its pieces. */
type Answer = Pick<LossAndGradients, "loss" | "repeats">

/** What a rank does for one connection. */
interface RankWork {
  part(id: number, part: StepPart): Promise<void>
  group(id: number, group: StepGroup): Promise<void>
  take(id: number, before: number): Promise<void>
  /** Begins to lead a branch. */
  lead(local: string): Promise<void>
  abort(id: number): void
  end(how: "ended" | "stopped"): Promise<void>
}

function createWork(link: Link, options: RankOptions): RankWork {
  const { gradient, onEvent = () => {} } = options
  const running = new Map<number, AbortController>()
  const lanes = new Map<number, PartFeedback>()
  let branch: Promise<LedBranch> | null = null
  let isOver = false

  /** The lists of a part that is rounded. @throws Error for feedback that is said to be here, and is not */
  const roundingOf = ({ task, feedback, lllite }: StepPart): ReturnType<PartFeedback["at"]> | null => {
    if (feedback === undefined) return null
    const lane = feedback === "kept" ? lanes.get(task.lane) : createPartFeedback(feedback)
    if (lane === undefined) throw new Error(`nothing is kept of part ${task.lane}`)
    lanes.set(task.lane, lane)
    return lane.at(task.step, lllite.values.length)
  }

  const answer = async (id: number, compute: (signal: AbortSignal) => Promise<Answer>): Promise<void> => {
    const controller = new AbortController()
    running.set(id, controller)
    try {
      const { loss, repeats = 0 } = await compute(controller.signal)
      await say(link, { kind: "result", id, loss, repeats })
    } catch (error) {
      await say(link, { kind: "failed", id, reason: error instanceof Error ? error.message : String(error) })
    } finally {
      running.delete(id)
    }
  }
  const senderOf = (id: number, size: number, rounding: ReturnType<typeof roundingOf>) =>
    createPieceSender(size, rounding, (pieces) => say(link, { kind: "pieces", id, pieces }))

  return {
    part: (id, part) =>
      answer(id, async (signal) => {
        const sender = senderOf(id, part.lllite.values.length, roundingOf(part))
        const result = await gradient(part, signal, (list, ranges) => {
          if (!signal.aborted) sender.note(list, ranges)
        })
        await sender.finish(result.gradients)
        return result
      }),
    group: (id, group) =>
      answer(id, async (signal) => {
        if (branch === null) throw new Error("it leads no branch")
        const result = await (await branch).sum(group, signal)
        await senderOf(id, result.gradients.length, null).finish(result.gradients)
        return result
      }),
    take: (id, before) =>
      answer(id, async () => {
        const ofBranch = branch === null ? new Map<number, Float32Array>() : await (await branch).takeFeedback(before)
        const own = [...lanes].map(([lane, feedback]) => [lane, feedback.asOf(before)] as const)
        lanes.clear()
        for (const [lane, values] of [...own, ...ofBranch]) {
          if (values !== null) await say(link, { kind: "feedback", id, lane, values })
        }
        return { loss: 0 }
      }),
    async lead(local) {
      if (branch !== null || isOver) return
      branch = leadBranch(options, local, (message) => say(link, message))
      try {
        const { hub, seen } = await branch
        onEvent({ kind: "leads", address: hub.address })
        await say(link, { kind: "leads", ...seen })
      } catch (error) {
        branch = null
        await say(link, { kind: "cannot-lead", reason: error instanceof Error ? error.message : String(error) })
      }
    },
    abort: (id) => running.get(id)?.abort(),
    async end(how) {
      isOver = true
      for (const controller of running.values()) controller.abort()
      const led = await branch?.catch(() => null)
      await led?.hub.close(how)
    },
  }
}

/** Statuses of a proxy before a program that is not there yet. */
const NOT_YET = new Set([502, 503, 504])

/** What an answer means that opens no connection. */
function answered(status: number): Ended {
  if (status === 401) {
    return { kind: "refused", reason: "the token is not the run's. Give both the same LLLITE_RANKS_TOKEN." }
  }
  const reason = `it answered with status ${status}`
  if (NOT_YET.has(status)) return { kind: "parted", reason, hadJoined: false }
  return { kind: "refused", reason: `${reason}. Is another program there?` }
}

/** Sends a message. A connection that has ended says so by its event. */
async function say(link: Link, message: FromRank): Promise<void> {
  await link.send(message).catch(() => {})
}
