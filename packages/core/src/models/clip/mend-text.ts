import { LATIN_ENTITIES, OTHER_ENTITIES } from "./html-entities.ts"

/**
 * Text as sd-scripts' tokenizer mends it before it splits it: HTML entities, curly quotes, ligatures, wide and narrow
 * forms, and invisible control characters. The result is in NFC.
 *
 * Entities stay as they are in text with a `<`. Text that was decoded with a wrong encoding stays as it is, which
 * ftfy would repair.
 *
 * Source: ftfy 6.3.1, `fix_text` with its defaults.
 */
export function mendText(text: string): string {
  let mended = text
  for (let before: string | null = null; before !== mended; ) {
    before = mended
    mended = mendOnce(mended)
  }
  return mended
}

function mendOnce(text: string): string {
  return (text.includes("<") ? text : text.replace(ENTITY, unescapeEntity))
    .replace(TERMINAL_ESCAPE, "")
    .replace(C1_CONTROL, (sign) => WINDOWS_1252.get(sign.charCodeAt(0)) ?? sign)
    .replace(LIGATURE, (sign) => LIGATURES.get(sign) ?? sign)
    .replace(WIDTH, (sign) => sign.normalize("NFKC"))
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(CONTROL, "")
    .normalize("NFC")
}

const ENTITY = /&#?[0-9A-Za-z]{1,24};/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence of terminals begins with one.
const TERMINAL_ESCAPE = /\u001b\[[\d;]*[a-zA-Z]/g
const C1_CONTROL = /[\u0080-\u009f]/g
const LIGATURE = /[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06]/g
const WIDTH = /[\u3000\uff01-\uffef]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove.
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001f\u007f\u206a-\u206f\ufeff\ufff9-\ufffc]/g

/** The largest code of a character. */
const LAST_CODE = 0x10ffff

/** The character of an entity, or the entity itself if it names none. */
function unescapeEntity(entity: string): string {
  const name = entity.slice(1, -1)
  if (!name.startsWith("#")) return ENTITIES.get(name) ?? entity
  const code = /^#x[0-9a-f]+$/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  const isCharacter = Number.isSafeInteger(code) && code > 0 && code <= LAST_CODE && (code < 0xd800 || code > 0xdfff)
  if (!isCharacter) return entity
  return WINDOWS_1252.get(code) ?? String.fromCodePoint(code)
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ...LATIN_ENTITIES.split(" ").map((name, i) => [name, String.fromCharCode(0xa0 + i)] as const),
  ...OTHER_ENTITIES.split(" ").map((entry) => {
    const [name = "", code = ""] = entry.split(":")
    return [name, String.fromCharCode(Number.parseInt(code, 16))] as const
  }),
])

/** The characters that Windows has where Unicode has C1 controls. */
const WINDOWS_1252: ReadonlyMap<number, string> = new Map(
  Array.from("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ", (sign, i) => [0x80 + i, sign]),
)

const LIGATURES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ Ĳ: "IJ", ĳ: "ij", ŉ: "ʼn", ǆ: "dž", ǅ: "Dž", Ǆ: "DŽ", ǉ: "lj", ǈ: "Lj", Ǉ: "LJ", ǌ: "nj", ǋ: "Nj", Ǌ: "NJ" },
    ...{ ǳ: "dz", ǲ: "Dz", Ǳ: "DZ", ﬀ: "ff", ﬁ: "fi", ﬂ: "fl", ﬃ: "ffi", ﬄ: "ffl", ﬅ: "ſt", ﬆ: "st" },
  }),
)
