import type { AdapterInput, ControlReference, WindowRecipe } from "../recipe/recipe.ts"
import { type BatchPlace, type ScheduledStrength, scheduledStrengths } from "./control-schedule.ts"
import type { ControlUse, ImageValue, MaskValue, SamplerRun } from "./values.ts"

/** Is told what cannot be followed, or is left out. */
type Say = (text: string) => void

/**
 * The adapters of a run, in the order in which ComfyUI runs them: those of the model, then those of the prompts.
 *
 * @param place the picture of the batch
 * @param problem is told what cannot be followed, as a clause about the run
 */
export function adaptersOf(run: SamplerRun, place: BatchPlace, problem: Say, notice: Say): readonly AdapterInput[] {
  const uses: readonly PlacedControl[] = [...run.model.lllites, ...controlsOf(run, problem)]
  return uses.flatMap((use): readonly AdapterInput[] => {
    const window = windowOf(use, run, problem)
    const control = controlOf(use.image, problem)
    if (window === null || control === null) return []
    if (window.start > window.end) {
      notice(`${use.name} begins after its end, and is left out.`)
      return []
    }
    const scheduled =
      use.schedule === null ? [{ strength: 1, uncond: 1, mask: null }] : scheduledStrengths(use.schedule, place)
    return scheduled.flatMap((each): readonly AdapterInput[] => {
      if (use.mask !== null && each.mask !== null) {
        problem(
          `has the control ${use.name} with a mask of its own and one of a keyframe, which cannot be followed. Leave one out`,
        )
        return []
      }
      return [useOf({ ...use, mask: use.mask ?? each.mask }, each, { control, window })]
    })
  })
}

/** A control as an adapter. */
function useOf(
  use: PlacedControl,
  scheduled: ScheduledStrength,
  placed: Required<Pick<AdapterInput, "control" | "window">>,
): AdapterInput {
  const { onlyPositive, mask } = use
  const uncond = onlyPositive === true ? 0 : scheduled.uncond
  const base = {
    ...{ file: { path: use.name }, ...placed, strength: use.strength * scheduled.strength },
    ...(scheduled.curve === undefined ? {} : { curve: scheduled.curve }),
  }
  const isNet = use.kind === "controlnet"
  return {
    ...base,
    ...(isNet ? { kind: "controlnet" } : {}),
    ...(isNet && use.controlType !== null ? { controlType: use.controlType } : {}),
    ...(uncond === 1 ? {} : { guidance: { cond: 1, uncond } }),
    ...(mask === null ? {} : { mask: maskReference(mask) }),
  }
}

function maskReference({ name, channel }: MaskValue): NonNullable<AdapterInput["mask"]> {
  return { file: { path: name }, ...(channel === null ? {} : { channel }), feather: 0 }
}

/** A control, and whether it acts on the positive prompt alone. */
type PlacedControl = ControlUse & { readonly onlyPositive?: boolean }

/** The controls of both prompts. */
function controlsOf({ positive, negative, guidanceScale }: SamplerRun, problem: Say): readonly PlacedControl[] {
  // Without guidance, ComfyUI does not run the negative prompt.
  if (negative === null || guidanceScale === 1) return positive.controls
  const isIn = (uses: readonly ControlUse[], { node }: ControlUse): boolean => uses.some((use) => use.node === node)
  if (negative.controls.some((use) => !isIn(positive.controls, use) && !use.onBoth)) {
    problem("has a control on the negative prompt alone, which cannot be followed")
    return []
  }
  const others = negative.controls.filter((use) => !isIn(positive.controls, use))
  return [
    ...positive.controls.map((use) => ({ ...use, onlyPositive: !use.onBoth && !isIn(negative.controls, use) })),
    ...others,
  ]
}

function windowOf(
  { name, window: { start, end, steps } }: ControlUse,
  run: SamplerRun,
  problem: Say,
): WindowRecipe | null {
  if (steps === null) return { start, end }
  const count = run.sigmas.last - run.sigmas.first
  if (steps === count) return { start, end, by: "comfyui" }
  problem(`has ${count} steps, and the LLLite ${name} counts ${steps}. Give both the same number`)
  return null
}

/** A control picture: its file, how it is fitted, and what is made of it. It is fitted first. */
function controlOf(image: ImageValue, problem: Say): ControlReference | null {
  switch (image.made) {
    case "loaded":
      return { file: { path: image.name }, fit: "stretch" }
    case "resized": {
      const control = controlOf(image.image, problem)
      const isCropped = "crop" in image.resize && image.resize.crop === "center"
      return control === null || !isCropped ? control : { ...control, fit: "crop" }
    }
    case "preprocessed": {
      const control = controlOf(image.image, problem)
      if (control?.preprocess === undefined) return control === null ? null : { ...control, preprocess: image.by }
      problem("has a control picture that is preprocessed twice, which cannot be followed")
      return null
    }
    default:
      problem("has a control picture that another sampler makes, which cannot be followed")
      return null
  }
}
