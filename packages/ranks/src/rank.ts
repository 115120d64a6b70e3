import { setTimeout as wait } from "node:timers/promises"
import type { StepPart } from "@lllite/core/runtime"
import type { LossAndGradients } from "@lllite/core/training"
import { WebSocket } from "ws"
import { addressText, type RankAddress } from "./address.ts"
import { checkAuthority } from "./certificate.ts"
import { RanksError } from "./errors.ts"
import { createLink, type Link, MAX_FRAME } from "./link.ts"
import { type FromRank, type Identity, PATH, readFromHub } from "./messages.ts"

export interface RankOptions {
  /** Where the leading process listens. */
  readonly address: RankAddress
  readonly token: string
  /** What has to be the same as in the leading process. */
  readonly identity: Identity
  /** The name of this rank in notices. */
  readonly name: string
  /** Parts that are computed at a time. */
  readonly places: number
  /** Connects by TLS. `ca`: a PEM certificate to trust beside the system's. Default: without TLS */
  readonly tls?: { readonly ca?: string }
  /** Seconds for which a leading process that is not there is tried again. Default: 600 */
  readonly patience?: number
  /** Computes a part. */
  gradient(part: StepPart, signal: AbortSignal): Promise<LossAndGradients>
  readonly onEvent?: (event: OwnEvent) => void
  readonly signal: AbortSignal
}

/** What happens to a rank: it found nothing yet, it has joined, or it was separated. The first and last try again. */
export type OwnEvent = { readonly kind: "joined" } | { readonly kind: "waiting" | "parted"; readonly reason: string }

/** Seconds between two tries. */
const RETRY = 1

/** How a connection ended. */
type Ended =
  | { readonly kind: "end" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "parted"; readonly reason: string; readonly hadJoined: boolean }

/**
 * Computes parts for a leading process, until its run ends. A connection that is lost is made anew.
 *
 * @throws RanksError `refused` when the token or this rank's identity is not the run's, `unreachable` when the leading
 * process is not found in time, `address` for a host that is none, `certificate` for a text that is not one; the signal's reason when aborted
 */
export async function runRank(options: RankOptions): Promise<void> {
  const { tls, signal, patience = 600, onEvent = () => {} } = options
  if (tls?.ca !== undefined) checkAuthority(tls.ca)
  const url = urlOf(options.address, tls !== undefined)
  const address = addressText(options.address)
  let since = performance.now()
  let isWaiting = false
  for (;;) {
    signal.throwIfAborted()
    const ended = await connected(url, options)
    signal.throwIfAborted()
    if (ended.kind === "end") return
    if (ended.kind === "refused") {
      throw new RanksError("refused", `ranks: ${address} refuses this rank: ${ended.reason}`)
    }
    if (ended.hadJoined) {
      onEvent({ kind: "parted", reason: ended.reason })
      since = performance.now()
      isWaiting = true
    }
    if (!isWaiting) onEvent({ kind: "waiting", reason: ended.reason })
    isWaiting = true
    if (performance.now() - since > patience * 1000) {
      throw new RanksError(
        "unreachable",
        `ranks: nothing answers at ${address} for ${patience} s: ${ended.reason}. Start the training there first.`,
      )
    }
    await wait(RETRY * 1000, undefined, { signal }).catch(() => {})
  }
}

/** @throws RanksError `address` */
function urlOf(address: RankAddress, isSecure: boolean): string {
  const url = `${isSecure ? "wss" : "ws"}://${addressText(address)}${PATH}`
  if (URL.canParse(url)) return url
  throw new RanksError(
    "address",
    `ranks: ${JSON.stringify(addressText(address))} is no address. Expected a host and a port, such as 10.0.0.1:7700.`,
  )
}

/** One connection, from its start to its end. */
function connected(url: string, options: RankOptions): Promise<Ended> {
  const { token, tls, identity, name, places, gradient, signal, onEvent = () => {} } = options
  return new Promise((resolve) => {
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token}` },
      ...{ handshakeTimeout: 10_000, maxPayload: MAX_FRAME, perMessageDeflate: false },
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    })
    const running = new Map<number, AbortController>()
    let outcome: Ended | null = null
    let hadJoined = false
    const leave = (): void => socket.terminate()
    signal.addEventListener("abort", leave, { once: true })
    const finish = (reason: string): void => {
      signal.removeEventListener("abort", leave)
      for (const controller of running.values()) controller.abort()
      resolve(outcome ?? { kind: "parted", reason, hadJoined })
    }
    socket.once("unexpected-response", (request, { statusCode }) => {
      outcome = answered(statusCode ?? 0)
      request.destroy()
      finish("")
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
          if (message.kind === "stopped") {
            outcome = { kind: "parted", reason: "the training was stopped, and may be continued", hadJoined }
            return link.close()
          }
          if (message.kind === "welcome") {
            hadJoined = true
            return onEvent({ kind: "joined" })
          }
          if (message.kind === "abort") return running.get(message.id)?.abort()
          void compute(link, message.id, message.part)
        },
        ended: finish,
      })
      void say(link, { kind: "hello", name, places, identity })
    })

    const compute = async (link: Link, id: number, part: StepPart): Promise<void> => {
      const controller = new AbortController()
      running.set(id, controller)
      try {
        const { loss, gradients } = await gradient(part, controller.signal)
        await say(link, { kind: "result", id, loss, gradients })
      } catch (error) {
        await say(link, { kind: "failed", id, reason: error instanceof Error ? error.message : String(error) })
      } finally {
        running.delete(id)
      }
    }
  })
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
