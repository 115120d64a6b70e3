import { checkArgument } from "../argument.ts"
import { PROMPT_DEFAULTS, type PromptOptions } from "./options.ts"

/** A prompt of several parts, each of which has a weight. */
export interface PromptPart {
  readonly text: string
  readonly weight: number
}

/**
 * The parts of a composed prompt, with `AND` between them. A part may end in its weight: `a cat AND a dog :1.2`. A
 * prompt without `AND` is one part, as it stands.
 *
 * Source: Liu et al. 2022 (arXiv:2206.01714); stable-diffusion-webui 1.10, `get_multicond_prompt_list`.
 */
export function splitComposed(prompt: string): readonly PromptPart[] {
  checkArgument("prompt: the prompt", prompt, "text")
  const parts = prompt.split(/(?:^|(?<=\s))AND(?=\s|$)/)
  if (parts.length === 1) return [{ text: prompt, weight: 1 }]
  return parts.map((part) => {
    const [, text = part, weight = "1"] = /^([\s\S]*?)\s*:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*$/.exec(part) ?? []
    return { text: text.trim(), weight: Number(weight) }
  })
}

/** The parts of a prompt as the options have it read. The syntaxes `weighted` and `comfyui-joined` have several. */
export function partsOfPrompt(prompt: string, options: PromptOptions = {}): readonly PromptPart[] {
  checkArgument("prompt: the prompt", prompt, "text")
  checkArgument("prompt: the options", options, "an object")
  const { syntax = PROMPT_DEFAULTS.syntax } = options
  checkArgument("prompt: the syntax", syntax, "text")
  return syntax === "weighted" || syntax === "comfyui-joined" ? splitComposed(prompt) : [{ text: prompt, weight: 1 }]
}

/** Whether pictures need negative prompts: for guidance, and to compose the parts of a prompt. */
export function isGuided(
  requests: readonly { readonly prompt: string }[],
  { guidanceScale, prompts }: { readonly guidanceScale: number; readonly prompts?: PromptOptions },
): boolean {
  return guidanceScale !== 1 || requests.some(({ prompt }) => partsOfPrompt(prompt, prompts).length > 1)
}
