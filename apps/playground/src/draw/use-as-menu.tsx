import type { JSX } from "preact"
import { ChoiceMenu } from "../page/choice-menu.tsx"
import { fitSquare } from "../pictures/fit-square.ts"
import { isMasking } from "../start/mask-dialog.tsx"
import { startFromShown } from "../start/start-card.tsx"
import { followChange } from "./make-picture.ts"
import type { Result } from "./result.ts"
import { drawing, replaceDrawing } from "./sheet-state.ts"

const USES = [
  {
    name: "Drawing",
    hint: "its edges are followed",
    use: ({ image }: Result) => replaceDrawing(fitSquare(image, drawing.value.width)),
  },
  { name: "Start", hint: "the next picture changes it", use: startFromShown },
  {
    name: "Start, with a mask",
    hint: "a painted part changes",
    use: () => {
      startFromShown()
      isMasking.value = true
    },
  },
] as const

/** Uses the shown picture for the next one. */
export function UseAs({ made }: { readonly made: Result | null }): JSX.Element {
  const choices =
    made &&
    USES.map(({ name, hint, use }) => ({
      ...{ name, hint },
      choose: () => {
        use(made)
        followChange()
      },
    }))
  return <ChoiceMenu id="use-as" label="Use as" choices={choices} />
}
