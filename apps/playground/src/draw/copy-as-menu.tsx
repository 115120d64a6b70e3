import { writePng } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { ChoiceMenu } from "../page/choice-menu.tsx"
import { say } from "../page/status-line.tsx"
import { codeOf, commandOf, linkOf } from "../recipes/copy-as.ts"
import type { Result } from "./result.ts"

const FORMS = [
  { name: "copyCommand", hint: "copyCommandHint", textOf: ({ recipe }: Result) => commandOf(recipe) },
  { name: "copyCode", hint: "copyCodeHint", textOf: ({ recipe }: Result) => codeOf(recipe) },
  {
    name: "copyLink",
    hint: "copyLinkHint",
    textOf: ({ recipe }: Result) => linkOf(recipe, location.href),
  },
] as const

/** Copies how a picture is made, in one of several forms. */
export function CopyAs({ made }: { readonly made: Result | null }): JSX.Element {
  const words = messages.value.draw
  const choices = made && [
    ...FORMS.map(({ name, hint, textOf }) => ({
      ...{ name: words[name], hint: words[hint] },
      choose: () => copy(words[name], textOf(made)),
    })),
    {
      ...{ name: words.copyDrawing, hint: words.copyDrawingHint },
      choose: () => void writePng("drawing.png", made.drawing),
    },
  ]
  return <ChoiceMenu id="copy-as" label={words.copyAs} choices={choices} />
}

function copy(name: string, text: string): void {
  // Browsers give the clipboard to safe pages alone.
  const { clipboard } = navigator
  if (clipboard === undefined) {
    say(sentence("draw", "noClipboard"))
    return
  }
  clipboard.writeText(text).then(
    () => say(sentence("draw", "copied", name)),
    (error: unknown) => say(sentence("draw", "notCopied", name, problemOf(error))),
  )
}
