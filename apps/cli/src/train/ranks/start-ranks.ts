import { randomBytes } from "node:crypto"
import type { RankEvent, RankHub, TlsKeys } from "@lllite/ranks"
import { addressText, checkTls, startRankHub } from "@lllite/ranks"
import type { NodeRuntime, SdxlHandle } from "@lllite/runtime-node"
import { readTextFile } from "@lllite/runtime-node/files"
import { identityOf } from "../../ranks/identity.ts"
import { readToken } from "../../ranks/token.ts"
import type { Reporter } from "../../terminal/progress.ts"
import { NOTHING_TO_SAVE, untilStopped } from "../../terminal/until-stopped.ts"
import type { TrainSettings } from "../settings.ts"
import { startLocalRanks } from "./local-ranks.ts"
import type { RankSettings } from "./rank-settings.ts"

/** The ranks of a run. */
export interface StartedRanks {
  /** Computes parts of the steps. */
  readonly help: RankHub
  /** Lets the ranks go. Those of other machines wait for a run that was stopped, since it may be continued. */
  close(): Promise<void>
}

/** What of a run's settings its ranks need, too. */
type ModelSettings = Pick<TrainSettings, "model" | "runtime" | "compat" | "vParameterization">

/** What processes need that join a run: a secret of their own, and that of TLS. */
export interface RankSecrets {
  readonly token: string
  readonly tls: TlsKeys | null
}

/**
 * Reads what the ranks of a run need, so that a wrong file is found before anything is loaded.
 *
 * @throws UsageError without a token; InputError for a file; RanksError `certificate`
 */
export async function readRankSecrets({ place }: RankSettings): Promise<RankSecrets> {
  if (place === null) return { token: randomBytes(16).toString("hex"), tls: null }
  const token = await readToken(place.tokenFile)
  if (place.tls === undefined) return { token, tls: null }
  const tls = { certificate: await readTextFile(place.tls.certificate), key: await readTextFile(place.tls.key) }
  checkTls(tls)
  return { token, tls }
}

/**
 * Listens for ranks, and starts those of this machine. They load the model and join by themselves. The run waits for them
 * for as long as it is asked to, and then goes on.
 *
 * @throws InterruptedError when stopped; RanksError for an address that cannot be listened on
 */
export async function startRanks(
  { count, place, lost, shape, wait }: RankSettings,
  { token, tls }: RankSecrets,
  { runtime, sdxl }: { readonly runtime: NodeRuntime; readonly sdxl: SdxlHandle },
  settings: ModelSettings,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<StartedRanks> {
  const projection = settings.compat ?? "checkpoint"
  const model = { runtime, choice: settings.runtime, sdxl, paths: settings.model, projection }
  const identity = await identityOf(model, signal)
  let isClosing = false
  const all = createGathering(count - 1)
  const hub = await startRankHub({
    ...{
      host: place?.host ?? "127.0.0.1",
      port: place?.port ?? 0,
      token,
      identity,
      lost,
      ...(tls === null ? {} : { tls }),
    },
    ...(shape === "flat" ? { group: null } : {}),
    onEvent: (event) => {
      // When the run stops, its ranks leave.
      if (isClosing || signal.aborted) return
      const { kind, ...fields } = event
      all.now(event.ranks)
      reporter.say(`rank-${kind}`, fields, textOf(event))
    },
  })
  const address = addressText(hub.address)
  const joining = { address, token, line: lineOf(settings, runtime) }
  const local = place === null ? startLocalRanks(count - 1, joining, reporter, signal) : null
  if (local === null) {
    const line = `lllite rank ${address} --pretrained_model_name_or_path CHECKPOINT`
    reporter.say("ranks", { address }, `Ranks join by: ${line}`)
  }
  const close = async (): Promise<void> => {
    isClosing = true
    local?.letGo()
    await hub.close(signal.aborted && local === null ? "stopped" : "ended")
    await local?.ended()
  }
  if (wait > 0 && count > 1) {
    reporter.say(
      "ranks-wait",
      { ranks: count - 1, seconds: wait },
      `Waiting for ranks: ${count - 1}, at most ${wait} s.`,
    )
    try {
      await untilStopped(all.within(wait), signal, NOTHING_TO_SAVE)
    } catch (error) {
      await close()
      throw error
    }
    if (hub.ranks() < count - 1) {
      const text = `${hub.ranks()} of ${count - 1} ranks have joined in ${wait} s. The run begins without the others.`
      reporter.say("notice", { text }, `Note: ${text}`)
    }
  }
  return { help: hub, close }
}

/** Waits until a number of ranks is there. */
function createGathering(wanted: number): { now(ranks: number): void; within(seconds: number): Promise<void> } {
  let isThere = wanted === 0
  let end = (): void => {}
  return {
    now(ranks) {
      isThere = ranks >= wanted
      if (isThere) end()
    },
    within: (seconds) =>
      new Promise((resolve) => {
        if (isThere) return resolve()
        const timer = setTimeout(resolve, seconds * 1000)
        end = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
  }
}

/** The options of `lllite rank` that load the same model on the same backend. */
function lineOf(
  { model: { checkpoint, vae, unet }, runtime: { precision, weights }, compat, vParameterization }: ModelSettings,
  { backend }: Pick<NodeRuntime, "backend">,
): readonly string[] {
  const options = { pretrained_model_name_or_path: checkpoint, vae, unet, backend, precision, weights, compat }
  return [
    ...Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
    ...(vParameterization ? ["--v_parameterization"] : []),
  ]
}

function textOf(event: RankEvent): string {
  const all = `${event.ranks} ${event.ranks === 1 ? "rank helps" : "ranks help"} now.`
  if (event.kind === "joined") return `${event.name} has joined. ${all}`
  if (event.kind === "leads")
    return `${event.name} leads a branch of further ranks now, at ${addressText(event.address)}.`
  if (event.kind === "leads-not") return `Note: ${event.name} cannot lead a branch of ranks: ${event.reason}`
  if (event.kind === "lost") return `Note: ${event.name} was lost: ${event.reason}. ${all}`
  return `Note: ${event.name} was refused: ${event.reason}`
}
