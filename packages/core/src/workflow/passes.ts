import { samplerInfo } from "../diffusion/names.ts"
import { comfySampler } from "./sampler-names.ts"
import type { ControlUse, SamplerRun } from "./values.ts"

/** Is told what cannot be followed, or what differs, as a clause or a sentence. */
type Say = (text: string) => void

/** Samplers that evaluate once in a step, so that a count of passes is a count of steps. */
const ONE_PASS: readonly string[] = [
  ...["euler", "euler_a", "lms", "ddpm", "lcm", "deis", "unipc"],
  ...["dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde"],
]

/** Samplers whose steps read those before them. */
const MULTISTEP: readonly string[] = ["lms", "deis", "unipc", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde"]

/** Samplers that choose their own levels, so that no part of them can be run. */
const OWN_LEVELS: readonly string[] = ["dpm_fast", "dpm_adaptive"]

/**
 * A run that continues where the samplers before it have left noise, as one run. ComfyUI cuts runs with KSampler
 * (Advanced) or SplitSigmas. A control that acts in one of them acts on its steps alone.
 *
 * @param problem is told what cannot be followed, as a clause about the run
 */
export function joinPasses(run: SamplerRun, problem: Say, notice: Say): SamplerRun {
  const { latents, addsNoise, sigmas } = run
  if (addsNoise || latents.made !== "sampled") return run
  const before = joinPasses(latents.run, problem, notice)
  if (before.sigmas.last !== sigmas.first || before.sigmas.isCutToZero === true || !before.addsNoise) return run
  const all = { ...sigmas, first: before.sigmas.first }
  const bare = ({
    model,
    positive,
    negative,
    guidanceScale,
    sampler,
    sigmas: { schedule, steps },
  }: SamplerRun): string =>
    JSON.stringify([
      { ...model, lllites: [] },
      ...[positive, negative].map((each) => (each === null ? null : { ...each, controls: [] })),
      ...[guidanceScale, sampler, schedule, steps],
    ])
  if (bare(run) !== bare(before)) {
    problem(
      "continues a run with another model, prompt, scale, sampler or number of steps, which cannot be followed. A refiner cannot be run: bypass its sampler, and let the sampler before it run to the end",
    )
    return run
  }
  const named = comfySampler(run)
  const method = "problem" in named ? null : (samplerInfo(named.sampler)?.name ?? null)
  if (method !== null && OWN_LEVELS.includes(method)) {
    problem(`runs a part of ${run.sampler.name}, which chooses its own steps`)
    return run
  }
  const [from, cut, to] = [all.first, sigmas.first, sigmas.last]
  const partOf = (step: number): number => (step === from ? 0 : step === to ? 1 : (step - from + 0.5) / (to - from))
  const joined = (first: readonly ControlUse[], second: readonly ControlUse[]): readonly ControlUse[] => {
    const keys = [first, second].map((uses) => uses.map((use) => JSON.stringify(use)))
    const only = (uses: readonly ControlUse[], others: readonly string[] = [], ends: readonly [number, number]) =>
      uses.map((use) => (others.includes(JSON.stringify(use)) ? use : limited(use, ends)))
    const rest = second.filter((use) => keys[0]?.includes(JSON.stringify(use)) !== true)
    return [...only(first, keys[1], [0, partOf(cut)]), ...only(rest, [], [partOf(cut), 1])]
  }
  const limited = (use: ControlUse, [start, end]: readonly [number, number]): ControlUse => {
    const { start: ownStart, end: ownEnd, steps } = use.window
    if (ownStart !== 0 || ownEnd !== 1 || steps !== null || (method !== null && !ONE_PASS.includes(method))) {
      problem(`has the control ${use.name} in one of two joined runs, and a window or a sampler that cannot be cut`)
    }
    return { ...use, window: { start, end, steps: to - from } }
  }
  if (method !== null && MULTISTEP.includes(method)) {
    notice(`${run.sampler.name} forgets its steps where one sampler continues another, which is not done here.`)
  }
  const info = method === null ? null : samplerInfo(method)
  if (info?.alwaysNoisy === true || Number(info?.options.eta ?? 0) > 0) {
    notice(`${run.sampler.name} draws its noise anew where one sampler continues another, which is not done here.`)
  }
  const { positive, negative } = run
  return {
    ...run,
    ...{ sigmas: all, seed: before.seed, addsNoise: true, latents: before.latents },
    model: { ...run.model, lllites: joined(before.model.lllites, run.model.lllites) },
    positive: { ...positive, controls: joined(before.positive.controls, positive.controls) },
    negative:
      negative === null ? null : { ...negative, controls: joined(before.negative?.controls ?? [], negative.controls) },
  }
}
