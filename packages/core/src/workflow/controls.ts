import type { AdapterInput, WindowRecipe } from "../recipe/recipe.ts"
import type { ControlUse, ImageValue, SamplerRun } from "./values.ts"

/**
 * The adapters of a run, in the order in which ComfyUI runs them: those of the model, then those of the prompts.
 *
 * @param problem is told what cannot be followed, as a clause about the run
 */
export function adaptersOf(
  run: SamplerRun,
  problem: (text: string) => void,
  notice: (text: string) => void,
): readonly AdapterInput[] {
  const uses: readonly PlacedControl[] = [...run.model.lllites, ...controlsOf(run, problem)]
  return uses.flatMap((use): readonly AdapterInput[] => {
    if (use.kind === "controlnet") {
      problem(`is controlled by the ControlNet ${use.name}, which cannot be run yet`)
      return []
    }
    const window = windowOf(use, run, problem)
    const path = fileOf(use.image, problem)
    if (window === null || path === null) return []
    if (window.start > window.end) {
      notice(`${use.name} begins after its end, and is left out.`)
      return []
    }
    const { onlyPositive, strength } = use
    const guidance = onlyPositive === true ? { guidance: { cond: 1, uncond: 0 } } : {}
    return [{ file: { path: use.name }, control: { file: { path }, fit: "stretch" }, strength, window, ...guidance }]
  })
}

/** A control, and whether it acts on the positive prompt alone. */
type PlacedControl = ControlUse & { readonly onlyPositive?: boolean }

/** The controls of both prompts. */
function controlsOf({ positive, negative }: SamplerRun, problem: (text: string) => void): readonly PlacedControl[] {
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
  problem: (text: string) => void,
): WindowRecipe | null {
  if (steps === null) return { start, end }
  if (steps === run.steps) return { start, end, by: "comfyui" }
  problem(`has ${run.steps} steps, and the LLLite ${name} counts ${steps}. Give both the same number`)
  return null
}

/** The file of a control picture, which is stretched to the picture's size. */
function fileOf(image: ImageValue, problem: (text: string) => void): string | null {
  if (image.made === "loaded") return image.name
  if (image.made === "decoded") {
    problem("has a control picture that another sampler makes, which cannot be followed")
    return null
  }
  if (image.made !== "resized") {
    problem(`has a control picture that is ${image.made}, which cannot be followed yet`)
    return null
  }
  const { resize } = image
  if (!("width" in resize) || resize.crop !== "disabled" || resize.width === 0 || resize.height === 0) {
    problem("has a control picture that is cropped or scaled by a factor, which cannot be followed yet")
    return null
  }
  return fileOf(image.image, problem)
}
