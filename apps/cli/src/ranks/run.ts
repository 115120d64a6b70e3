import { hostname } from "node:os"
import { addressText, type BranchOptions, checkAuthority, checkTls, type OwnEvent, runRank } from "@lllite/ranks"
import { readTextFile } from "@lllite/runtime-node/files"
import type { Settings } from "@lllite/runtime-node/options"
import { checkCheckpoint } from "../model/checkpoint.ts"
import { runtimeChoice, sdxlPaths } from "../model/runtime-options.ts"
import { startRuntime } from "../model/start-runtime.ts"
import { UsageError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { untilStopped } from "../terminal/until-stopped.ts"
import { addressProblem, readAddress } from "./address.ts"
import { identityOf } from "./identity.ts"
import type { RANK_OPTIONS } from "./options.ts"
import { readToken } from "./token.ts"

/**
 * Loads a checkpoint, and computes parts for the training at an address until it ends.
 *
 * @throws RanksError, InputError, FormatError, CoreError; the signal's reason when stopped
 */
export async function workAsRank(
  address: string,
  settings: Settings<typeof RANK_OPTIONS>,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const place = readAddress(address)
  if (place === null) {
    throw new UsageError("options", addressProblem("rank: the address", address, "10.0.0.1:7700"))
  }
  const branch = await readBranch(settings)
  const token = await readToken(settings.tokenFile)
  const ca = settings.ca === undefined ? undefined : await readTextFile(settings.ca)
  if (ca !== undefined) checkAuthority(ca)
  const paths = sdxlPaths(settings.pretrainedModelNameOrPath, settings)
  await checkCheckpoint(paths)
  const choice = runtimeChoice(settings)
  const runtime = await startRuntime(choice, reporter, signal)
  try {
    const projection = settings.compat === "sd-scripts" ? settings.compat : "checkpoint"
    reporter.say("load", { ...paths }, `Loading ${paths.checkpoint} …`)
    const { checkpoint, ...parts } = paths
    const prediction = settings.vParameterization ? ({ prediction: "v" } as const) : {}
    const loading = runtime.loadSdxl(checkpoint, { ...prediction, projection, ...parts, signal })
    const sdxl = await untilStopped(loading, signal, NOTHING_LOST)
    for (const text of sdxl.notices) reporter.say("notice", { text }, `Note: ${text}`)
    const helper = sdxl.stepHelper()
    let computed = 0
    await untilStopped(
      runRank({
        ...{ address: place, token, branch, signal, places: runtime.threads, patience: settings.patience },
        name: settings.name ?? `${hostname()}/${process.pid}`,
        identity: await identityOf({ runtime, choice, sdxl, paths, projection }, signal),
        ...(settings.tls === "yes" || ca !== undefined ? { tls: ca === undefined ? {} : { ca } } : {}),
        async gradient(part, signal, onFinal) {
          const result = await helper.gradient(part, signal, onFinal)
          computed += 1
          return result
        },
        onEvent(event) {
          const fields =
            "address" in event ? { address: addressText(event.address) } : { address, reason: event.reason }
          reporter.say(event.kind, fields, eventText(event, address))
        },
      }),
      signal,
      NOTHING_LOST,
    )
    reporter.say(
      "done",
      { parts: computed },
      `The training has ended. ${computed} parts of its steps were computed here.`,
    )
  } finally {
    await runtime.dispose()
  }
}

/** How this rank leads a branch. Null: it leads none. @throws UsageError, InputError, RanksError */
async function readBranch({
  branch,
  branchAddress,
  certificate,
  key,
}: Settings<typeof RANK_OPTIONS>): Promise<BranchOptions | null> {
  if ((certificate === undefined) !== (key === undefined)) {
    throw new UsageError("options", "rank: certificate and key go together: give both, or none")
  }
  const address = branchAddress === undefined ? undefined : readAddress(branchAddress)
  if (address === null) {
    throw new UsageError("options", addressProblem("rank: branch_address", branchAddress ?? "", "0.0.0.0:7701"))
  }
  if (branch === "no") return null
  const place = address === undefined ? {} : { address }
  if (certificate === undefined || key === undefined) return place
  const tls = { certificate: await readTextFile(certificate), key: await readTextFile(key) }
  checkTls(tls)
  return { ...place, ...tls }
}

function eventText(event: OwnEvent, address: string): string {
  if (event.kind === "joined") return `Joined the training at ${addressText(event.address)}.`
  if (event.kind === "leads") return `Leads a branch of further ranks at ${addressText(event.address)}.`
  const what = event.kind === "parted" ? `Parted from ${address}` : `Nothing answers at ${address} yet`
  return `${what}: ${event.reason}. It is tried again.`
}

const NOTHING_LOST = "stopped. The training computes this rank's parts elsewhere"
