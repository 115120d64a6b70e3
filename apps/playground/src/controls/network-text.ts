import { messages } from "../language/language.ts"
import { BUILT_IN } from "./networks.ts"

const TRAINED = /^Trained here, (\d+) steps/

/** The name of an LLLite that was trained here. Recipes hold it, so that it is the same in every language. */
export function trainedName(steps: number): string {
  return `Trained here, ${steps} steps`
}

/** The name of a network as the page shows it. Those that the page gave itself are in its language. */
export function networkText(name: string): string {
  const { controls } = messages.value
  if (name === BUILT_IN) return controls.builtIn
  const steps = TRAINED.exec(name)?.[1]
  return steps === undefined ? name : name.replace(TRAINED, controls.trainedHere(Number(steps)))
}
