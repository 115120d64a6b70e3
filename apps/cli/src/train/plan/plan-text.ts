import { clock } from "../../terminal/progress.ts"
import { countText, plural, sizeText } from "../../terminal/text.ts"
import type { RunPlan } from "./plan-run.ts"

/** The plan of a run for people. */
export function planText(plan: RunPlan): string {
  const { steps, perEpoch, batchSize, seconds, memory, availableBytes, disk } = plan
  const most = Math.max(...memory.map(({ bytes }) => bytes))
  const fits = most <= availableBytes
  return [
    `Pairs   ${plural(plan.pictures, "pair")} of ${plan.sizes.slice(0, 4).join(", ")}${plan.sizes.length > 4 ? ", …" : ""}`,
    `Steps   ${countText(steps)} of ${plural(batchSize, "picture")}, ${(steps / perEpoch).toFixed(1)} epochs of ${plural(perEpoch, "step")}`,
    `LLLite  ${plural(plan.sites, "site")}, ${countText(plan.values)} values`,
    `Time    roughly ${clock(seconds.encoding + seconds.steps)}: ${clock(seconds.encoding)} of encoding, then ${seconds.step.toPrecision(2)} s a step on ${plan.backend}`,
    "Memory",
    ...memory.map(({ phase, bytes }) => `  ${phase.padEnd(14)} ${sizeText(bytes)}`),
    `  ${fits ? "It fits" : "It does not fit"}: ${sizeText(availableBytes)} available.`,
    ...plan.smaller.map(({ change, bytes }) => `  With ${change}: ${sizeText(bytes)}.`),
    ...(fits ? [] : ["  A smaller resolution, --weights F16 and fewer adapters (network_dim, sites) take less, too."]),
    `Disk    ${sizeText(disk.bytes)}: ${plural(disk.files, "LLLite")}${disk.states === 0 ? "" : `, ${plural(disk.states, "state")}`}`,
    ...(disk.caches === 0
      ? []
      : [`        and ${sizeText(disk.caches)} of latents and captions in files, with those that are there`]),
    ...(plan.exchange === null ? [] : [exchangeText(plan.exchange)]),
    ...(plan.drawn === 0 ? [] : [`Drawn   ${plural(plan.drawn, "picture")} of the run, whose time is not in the plan`]),
  ].join("\n")
}

function exchangeText({ ranks, received, sent }: NonNullable<RunPlan["exchange"]>): string {
  const who = ranks === 1 ? "a rank" : `each of ${ranks} ranks`
  return `Ranks   ${who} gets ${sizeText(received)} a step and its pictures, and sends ${sizeText(sent)}`
}
