import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { ChoiceMenu } from "../page/choice-menu.tsx"
import { fitSquare } from "../pictures/fit-square.ts"
import { isMasking } from "../start/mask-dialog.tsx"
import { startFromShown } from "../start/start-card.tsx"
import { followChange } from "./make-picture.ts"
import type { Result } from "./result.ts"
import { drawing, replaceDrawing } from "./sheet-state.ts"

const USES = [
  {
    name: "useAsDrawing",
    hint: "useAsDrawingHint",
    use: ({ image }: Result) => replaceDrawing(fitSquare(image, drawing.value.width)),
  },
  { name: "useAsStart", hint: "useAsStartHint", use: startFromShown },
  {
    name: "useAsMask",
    hint: "useAsMaskHint",
    use: () => {
      startFromShown()
      isMasking.value = true
    },
  },
] as const

/** Uses the shown picture for the next one. */
export function UseAs({ made }: { readonly made: Result | null }): JSX.Element {
  const words = messages.value.draw
  const choices =
    made &&
    USES.map(({ name, hint, use }) => ({
      ...{ name: words[name], hint: words[hint] },
      choose: () => {
        use(made)
        followChange()
      },
    }))
  return <ChoiceMenu id="use-as" label={words.useAs} choices={choices} />
}
