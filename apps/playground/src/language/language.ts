import { effect, signal } from "@preact/signals"
import { english } from "./english/index.ts"
import type { Messages } from "./messages.ts"

/** The languages of the page, each by its own name. */
export const LANGUAGES = { en: "English", ja: "日本語" } as const
export type Language = keyof typeof LANGUAGES

/** The words of a language. All but English come when they are wanted. */
const LOADS: Readonly<Record<Language, () => Promise<Messages>>> = {
  en: async () => english,
  ja: async () => (await import("./japanese/index.ts")).japanese,
}

/** The language that is shown. */
export const language = signal<Language>("en")
/** The words that are shown. */
export const messages = signal<Messages>(english)

/** The name under which a browser remembers the choice. */
const KEY = "lllite-language"

/**
 * Shows the page in the language that was chosen last, or else in the first of the browser's languages that the page
 * has. The page's element, its title and its words follow it from then on.
 */
export async function openLanguage(): Promise<void> {
  await show(rememberedLanguage() ?? firstKnown(navigator.languages))
  effect(() => {
    document.documentElement.lang = language.value
    document.title = messages.value.page.title
  })
}

/** Shows the page in a language, and remembers it. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  await show(chosen)
  try {
    localStorage.setItem(KEY, chosen)
  } catch {
    // A browser that keeps nothing asks again.
  }
}

/** The first language of a list that the page has. English: it has none of them. @param wanted such as "ja-JP" */
export function firstKnown(wanted: readonly string[]): Language {
  const known = wanted.map((tag) => tag.toLowerCase().split("-")[0]).find(isLanguage)
  return known ?? "en"
}

async function show(wanted: Language): Promise<void> {
  // Without its words, as without a network, the page stays as it is.
  const words = await LOADS[wanted]().catch(() => null)
  if (words === null) return
  messages.value = words
  language.value = wanted
}

function rememberedLanguage(): Language | null {
  try {
    const kept = localStorage.getItem(KEY)
    return isLanguage(kept) ? kept : null
  } catch {
    return null
  }
}

function isLanguage(tag: unknown): tag is Language {
  return typeof tag === "string" && Object.hasOwn(LANGUAGES, tag)
}
