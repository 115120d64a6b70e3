import type { JSX } from "preact"
import { Icon } from "../page/icons.tsx"
import { chooseLanguage, LANGUAGES, type Language, language, messages } from "./language.ts"

const NAMES = Object.entries(LANGUAGES) as readonly (readonly [Language, string])[]

/** The choice of the page's language. Each language stands under its own name. */
export function LanguageChoice(): JSX.Element {
  return (
    <label class="language">
      <Icon name="language" />
      <select
        aria-label={messages.value.page.language}
        value={language.value}
        onChange={(event) => {
          const [chosen] = NAMES.find(([tag]) => tag === event.currentTarget.value) ?? []
          if (chosen !== undefined) void chooseLanguage(chosen)
        }}
      >
        {NAMES.map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
