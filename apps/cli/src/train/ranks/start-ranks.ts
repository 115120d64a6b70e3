import { randomBytes } from "node:crypto"
import type { RankEvent, RankHub } from "@lllite/ranks"
import { startRankHub } from "@lllite/ranks"
import type { NodeRuntime, SdxlHandle } from "@lllite/runtime-node"
import { readTextFile } from "@lllite/runtime-node/files"
import { identityOf } from "../../ranks/identity.ts"
import { readToken } from "../../ranks/token.ts"
import type { Reporter } from "../../terminal/progress.ts"
import type { TrainSettings } from "../settings.ts"
import { startLocalRanks } from "./local-ranks.ts"
import type { RankSettings } from "./rank-settings.ts"

/** The ranks of a run. */
export interface StartedRanks {
  /** Computes parts of the steps. */
  readonly help: RankHub
  /** Lets the ranks go. */
  close(): Promise<void>
}

/**
 * Listens for ranks, and starts those of this machine. They load the model and join by themselves, while the run goes on.
 *
 * @throws RanksError for an address that cannot be listened on; UsageError without a token; InputError for a file
 */
export async function startRanks(
  { count, place, lost }: RankSettings,
  { runtime, sdxl }: { readonly runtime: NodeRuntime; readonly sdxl: SdxlHandle },
  settings: Pick<TrainSettings, "model" | "runtime" | "compat" | "vParameterization">,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<StartedRanks> {
  const token = place === null ? randomBytes(16).toString("hex") : await readToken(place.tokenFile)
  const tls =
    place?.tls === undefined
      ? {}
      : { tls: { certificate: await readTextFile(place.tls.certificate), key: await readTextFile(place.tls.key) } }
  const projection = settings.compat ?? "checkpoint"
  const model = { runtime, choice: settings.runtime, sdxl, paths: settings.model, projection }
  const identity = await identityOf(model, signal)
  let isClosing = false
  const hub = await startRankHub({
    ...{ host: place?.host ?? "127.0.0.1", port: place?.port ?? 0, token, identity, lost, ...tls },
    onEvent: (event) => {
      // When the run stops, its ranks leave.
      if (isClosing || signal.aborted) return
      const { kind, ...fields } = event
      reporter.say(`rank-${kind}`, fields, textOf(event))
    },
  })
  const { address } = hub
  const joining = { address, token, line: lineOf(settings, runtime) }
  const local = place === null ? startLocalRanks(count - 1, joining, reporter, signal) : null
  if (local === null) {
    const line = `lllite rank ${address} --pretrained_model_name_or_path CHECKPOINT`
    reporter.say("ranks", { address }, `Ranks join by: ${line}`)
  }
  return {
    help: hub,
    async close() {
      isClosing = true
      local?.letGo()
      await hub.close()
      await local?.ended()
    },
  }
}

/** The options of `lllite rank` that load the same model on the same backend. */
function lineOf(
  {
    model: { checkpoint, vae, unet },
    runtime: { precision, weights },
    compat,
    vParameterization,
  }: Parameters<typeof startRanks>[2],
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
  if (event.kind === "lost") return `Note: ${event.name} was lost: ${event.reason}. ${all}`
  return `Note: ${event.name} was refused: ${event.reason}`
}
