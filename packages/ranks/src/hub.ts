import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { checkOptions, checkRanges, type OptionKinds } from "@lllite/core/names"
import type { StepGroup, StepPart, TrainHelp } from "@lllite/core/runtime"
import { type WebSocket, WebSocketServer } from "ws"
import { addressText, type RankAddress } from "./address.ts"
import { checkTls, type TlsKeys } from "./certificate.ts"
import { RanksError } from "./errors.ts"
import { createAnswerTimes, createHubRank, type HubRank, lostError } from "./hub-rank.ts"
import { createLink, type Link, MAX_FRAME } from "./link.ts"
import { createRankServer, isToken, refuseUpgrade } from "./listen.ts"
import { differenceOf, type FromHub, type FromRank, type Hello, type Identity, PATH, readFromRank } from "./messages.ts"
import { placeOf } from "./placement.ts"

/** What happens to ranks during a run. `ranks` is the number of ranks after it, without the leading process. */
export type RankEvent =
  | { readonly kind: "joined"; readonly name: string; readonly places: number; readonly ranks: number }
  | { readonly kind: "lost"; readonly name: string; readonly reason: string; readonly ranks: number }
  | { readonly kind: "refused"; readonly name: string; readonly reason: string; readonly ranks: number }
  /** A rank leads others from now on, or could not. */
  | { readonly kind: "leads"; readonly name: string; readonly address: RankAddress; readonly ranks: number }
  | { readonly kind: "leads-not"; readonly name: string; readonly reason: string; readonly ranks: number }

export interface RankHubOptions {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** What every rank has to bring. */
  readonly token: string
  /** What every rank has to have, too. */
  readonly identity: Identity
  /** A PEM certificate with its key, for TLS. Default: none, and the connection can be read on its way */
  readonly tls?: TlsKeys
  /**
   * `continue`: the parts of a lost rank are computed elsewhere, and the run stays the same. `stop`: the run ends with
   * its last good state. Default: `continue`
   */
  readonly lost?: "continue" | "stop"
  /**
   * The processes of a group, the one that leads it included. Further ranks make branches of this size. Null: all ranks
   * are connected to this process. Default: 8
   */
  readonly group?: number | null
  /**
   * The least seconds that a rank gets for an answer. It gets ten times the longest answer of any rank, if that is more,
   * and 60 times this before the first one. Default: 60
   */
  readonly answerWithin?: number
  readonly onEvent?: (event: RankEvent) => void
}

/** The leading process's end of all ranks, as the help of a training. */
export interface RankHub extends Required<TrainHelp> {
  /** Where ranks join. */
  readonly address: RankAddress
  /**
   * The parts that ranks could take now. See `TrainHelp`.
   *
   * @throws RanksError `rank-lost` after the loss of a rank, where that ends the run
   */
  places(): number
  /** The number of ranks that have joined and are there, those of branches included. */
  ranks(): number
  /**
   * Frees the port, and tells the ranks how the run ended. After `stopped`, they wait for a run that continues it.
   * Default: `ended`
   */
  close(how?: "ended" | "stopped"): Promise<void>
}

/** Milliseconds until a new connection has said hello, and until a rank leads a branch. */
const HELLO = 10_000
const LEAD = 10_000

/** Milliseconds that connections get to end by themselves. */
const CLOSE = 2000

const KINDS: OptionKinds<RankHubOptions> = {
  host: "text",
  port: "a number",
  token: "text",
  identity: "an object",
  tls: "an object",
  lost: "text",
  group: "a number or null",
  answerWithin: "a number",
  onEvent: "a function",
}

/**
 * Listens for ranks. They may join and leave at any time: what they compute is added up in the order of the parts.
 *
 * @throws RanksError `token-missing` for an empty token, `certificate` for one that TLS cannot use, `address` when the
 * address cannot be listened on
 */
export async function startRankHub(options: RankHubOptions): Promise<RankHub> {
  checkOptions("ranks", options, KINDS, ["host", "port", "token", "identity"])
  checkRanges("ranks", { port: options.port }, { port: { integer: true, min: 0, max: 65_535 } })
  const { host, port, token, identity, tls, lost = "continue", group = 8, onEvent = () => {} } = options
  if (token === "")
    throw new RanksError("token-missing", "ranks: the token is empty. Give the same secret to all ranks.")
  if (tls !== undefined) checkTls(tls)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME, perMessageDeflate: false })
  const ranks = new Set<HubRank>()
  const times = createAnswerTimes(options.answerWithin ?? 60)
  /** Why the run has to end. Null: nothing. */
  let failure: RanksError | null = null
  const count = (): number => [...ranks].reduce((sum, { branch }) => sum + 1 + (branch?.ranks ?? 0), 0)

  const lose = (rank: HubRank, reason: string): void => {
    if (!ranks.delete(rank)) return
    const kept = rank.lanes.size
    if (lost === "stop") failure ??= lostError(rank.name, reason)
    rank.lose(failure)
    const all = kept === 0 ? reason : `${reason}. What float16 has left out of ${kept} parts is lost, too`
    onEvent({ kind: "lost", name: rank.name, reason: all, ranks: count() })
  }

  /** What a rank that has joined says besides answers. */
  const hear = (rank: HubRank, message: Exclude<FromRank, { readonly id: number } | Hello>, from: string): void => {
    if (message.kind === "branch") {
      if (rank.branch === null) return
      const { change, name, ranks } = message
      Object.assign(rank.branch, { ranks, assigned: ranks })
      const by = `${name}, by ${rank.name}`
      if (change === "joined") {
        onEvent({ kind: "joined", name: by, places: 1, ranks: count() })
        return
      }
      onEvent({ kind: "lost", name: by, reason: "its branch has lost it", ranks: count() })
      if (lost === "continue") return
      failure ??= lostError(by, "its branch has lost it")
      if (rank.isSumming()) rank.lose(failure)
    } else if (message.kind === "leads") {
      const address = { host: message.host ?? from, port: message.port }
      rank.branch = { address, ranks: 0, assigned: 0, isReachable: true }
      onEvent({ kind: "leads", name: rank.name, address, ranks: count() })
    } else {
      onEvent({ kind: "leads-not", name: rank.name, reason: message.reason, ranks: count() })
    }
  }

  let placing: Promise<void> = Promise.resolve()
  const join = (socket: WebSocket, from: string): void => {
    let rank: HubRank | null = null
    let saidHello = false
    let isOver = false
    let settled = (): void => {}
    const admit = async (message: Hello): Promise<void> => {
      if (isOver) return
      const name = `${message.name} (${from})`
      const missed = [...ranks].find(({ branch }) => branch && addressText(branch.address) === message.unreached)
      if (missed?.branch != null) {
        missed.branch.assigned = missed.branch.ranks
        missed.branch.isReachable = missed.branch.ranks > 0
      }
      const place = placeOf({ ...message, leads: message.leads && !cannotLead.has(from) }, ranks, group)
      if (place.kind === "branch" && place.of.branch !== null) {
        place.of.branch.assigned += 1
        void say(link, { kind: "go", ...place.of.branch.address })
        return link.close()
      }
      rank = createHubRank(name, message.places, link, times)
      ranks.add(rank)
      void say(link, { kind: "welcome" })
      onEvent({ kind: "joined", name, places: message.places, ranks: count() })
      if (place.kind !== "lead") return
      // Those who come next wait for the branch.
      void say(link, { kind: "lead" })
      await new Promise<void>((resolve) => {
        settled = resolve
        setTimeout(resolve, LEAD).unref()
      })
    }
    const link = createLink(socket, {
      isKnown: () => rank !== null,
      message(data) {
        const message = readFromRank(data)
        if (message === null) return link.drop("it sent a message of another form")
        if (message.kind === "hello") {
          if (saidHello) return link.drop("it said hello twice")
          saidHello = true
          clearTimeout(hello)
          const difference = differenceOf(message, identity)
          if (difference === null) {
            placing = placing.then(() => admit(message))
            return
          }
          const name = `${message.name} (${from})`
          onEvent({ kind: "refused", name, reason: difference, ranks: count() })
          void say(link, { kind: "refused", reason: difference })
          return link.close()
        }
        if (rank === null) return link.drop("it did not say hello")
        if ("id" in message) {
          const problem = rank.answer(message)
          return problem === null ? undefined : link.drop(problem)
        }
        if (message.kind === "cannot-lead") cannotLead.add(from)
        hear(rank, message, from)
        settled()
      },
      ended(reason) {
        isOver = true
        clearTimeout(hello)
        settled()
        if (rank !== null) lose(rank, reason)
      },
    })
    const hello = setTimeout(() => link.drop("it did not say hello"), HELLO)
  }
  /** Hosts whose ranks cannot lead a branch. */
  const cannotLead = new Set<string>()

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on("error", () => {})
    const { url = "/", headers } = request
    const path = URL.canParse(url, "http://ranks") ? new URL(url, "http://ranks").pathname : null
    if (path !== PATH || !isToken(headers.authorization, token)) {
      refuseUpgrade(socket, path === PATH ? "401 Unauthorized" : "404 Not Found")
      return
    }
    const from = (request.socket.remoteAddress ?? "unknown").replace(/^::ffff:(?=\d+\.)/, "")
    sockets.handleUpgrade(request, socket, head, (opened) => join(opened, from))
  }
  const server = await createRankServer({ host, port }, tls, upgrade)

  return {
    address: { host, port: server.port },
    places() {
      // A rank may be lost between two of its parts.
      if (failure !== null) throw failure
      return [...ranks].reduce((sum, rank) => sum + rank.free(), 0)
    },
    branches: () => [...ranks].filter((rank) => isBranchFree(rank)).length,
    async gradient(part: StepPart, signal: AbortSignal) {
      // A rank with a branch may be needed for a group.
      const byBranch = [...ranks].sort((a, b) => Number(a.branch !== null) - Number(b.branch !== null))
      const rank =
        part.feedback === "kept"
          ? byBranch.find(({ lanes }) => lanes.has(part.task.lane))
          : byBranch.find((each) => each.free() > 0)
      return rank?.gradient(part, signal) ?? null
    },
    async sum(parts: StepGroup, signal: AbortSignal) {
      const kept = parts.parts.filter(({ feedback }) => feedback === "kept")
      const rank = [...ranks].find((each) =>
        kept.length > 0 ? kept.every(({ task }) => each.lanes.has(task.lane)) : isBranchFree(each),
      )
      return rank?.sum(parts, signal) ?? null
    },
    async takeFeedback(before) {
      const all = await Promise.all([...ranks].map((rank) => rank.takeFeedback(before)))
      return new Map(all.flatMap((taken) => [...taken]))
    },
    ranks: count,
    async close(how = "ended") {
      const all = [...ranks]
      ranks.clear()
      for (const { link } of all) {
        void say(link, { kind: how === "ended" ? "end" : "stopped" })
        link.close()
      }
      sockets.close()
      // A rank that does not answer the end is not waited for.
      await server.close(CLOSE, () => {
        for (const client of sockets.clients) client.terminate()
      })
    },
  }
}

function isBranchFree(rank: HubRank): boolean {
  return rank.branch !== null && rank.branch.ranks > 0 && !rank.isSumming()
}

/** Sends a message. A connection that has ended says so by its event. */
async function say(link: Link, message: FromHub): Promise<void> {
  await link.send(message).catch(() => {})
}
