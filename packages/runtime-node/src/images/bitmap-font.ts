/**
 * Letters of 5 × 7 dots, drawn for this project. A sheet looks the same on every machine, since no font of the machine
 * is used. Each string holds seven rows of five dots, one hexadecimal pair a row. The leftmost dot is the highest bit.
 */
const GLYPHS: Readonly<Record<string, string>> = {
  " ": "00000000000000",
  A: "0e11111f111111",
  B: "1e11111e11111e",
  C: "0e11101010110e",
  D: "1e11111111111e",
  E: "1f10101e10101f",
  F: "1f10101e101010",
  G: "0e11101711110f",
  H: "1111111f111111",
  I: "0e04040404040e",
  J: "0702020202120c",
  K: "11121418141211",
  L: "1010101010101f",
  M: "111b1515111111",
  N: "11191513111111",
  O: "0e11111111110e",
  P: "1e11111e101010",
  Q: "0e11111115120d",
  R: "1e11111e141211",
  S: "0f10100e01011e",
  T: "1f040404040404",
  U: "1111111111110e",
  V: "11111111110a04",
  W: "1111111515150a",
  X: "11110a040a1111",
  Y: "1111110a040404",
  Z: "1f01020408101f",
  "0": "0e11131519110e",
  "1": "040c040404040e",
  "2": "0e11010204081f",
  "3": "1f02040201110e",
  "4": "02060a121f0202",
  "5": "1f101e0101110e",
  "6": "0608101e11110e",
  "7": "1f010204080808",
  "8": "0e11110e11110e",
  "9": "0e11110f01020c",
  ".": "000000000c0c00",
  ",": "000000000c0408",
  ":": "000c0c000c0c00",
  "-": "0000001f000000",
  "+": "0004041f040400",
  "=": "00001f001f0000",
  "/": "00010204081000",
  "(": "02040808080402",
  ")": "08040202020408",
  "%": "18190204081303",
  "'": "0c040800000000",
  "?": "0e110102040004",
  "!": "04040404040004",
  '"': "0a0a0a00000000",
  "#": "0a0a1f0a1f0a0a",
  "&": "0c12140815120d",
  "*": "00150e1f0e1500",
  ";": "000c0c000c0408",
  "<": "02040810080402",
  ">": "08040201020408",
  "[": "0e08080808080e",
  "]": "0e02020202020e",
  _: "0000000000001f",
  "|": "04040404040404",
  "~": "00000815020000",
}

export const GLYPH_WIDTH = 5
export const GLYPH_HEIGHT = 7
/** Dots from the start of one letter to the start of the next. */
export const GLYPH_ADVANCE = 6

/** Whether a letter has a dot at a place. Lower case is drawn as upper case. A missing letter is drawn as `?`. */
export function hasDot(character: string, column: number, row: number): boolean {
  const glyph = GLYPHS[character.toUpperCase()] ?? (GLYPHS["?"] as string)
  const bits = Number.parseInt(glyph.slice(2 * row, 2 * row + 2), 16)
  return ((bits >> (GLYPH_WIDTH - 1 - column)) & 1) === 1
}
