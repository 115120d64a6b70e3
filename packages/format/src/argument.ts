import { FormatError, show } from "./errors.ts"

/**
 * Checks an argument. A program without types may give anything, and often gives a promise that was not awaited.
 *
 * @throws FormatError `argument` with the kind that came: `Promise`, `String`, `Undefined`
 */
export function expectArgument(isRight: boolean, what: string, value: unknown, expected: string): void {
  if (isRight) return
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  throw new FormatError("argument", `${what} is of the kind ${kind}, expected ${expected}`)
}

/** Checks a Map, for which programs without types give plain objects. @throws FormatError `argument` */
export function expectMap(what: string, value: ReadonlyMap<string, unknown> | undefined): void {
  expectArgument(typeof value?.get === "function", what, value, "a Map")
}

/** Checks the names of options. @throws FormatError `argument` */
export function expectOptions(options: object, ...names: readonly string[]): void {
  expectArgument(Object.prototype.toString.call(options) === "[object Object]", "options", options, "an object")
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw new FormatError("argument", `no option ${show(name)}, expected ${names.join(", ")}`)
  }
}

/** Checks the layout of a U-Net. @throws FormatError `argument` */
export function expectLayout(layout: unknown): void {
  const { channelMult, transformerDepth } = (layout ?? {}) as Readonly<Record<string, unknown>>
  const isOne = Array.isArray(channelMult) && Array.isArray(transformerDepth)
  expectArgument(isOne, "the layout", layout, "that of a U-Net, such as SDXL_LAYOUT")
}

/** Checks a site. @throws FormatError `argument` */
export function expectSite(site: unknown): void {
  const { depth } = (site ?? {}) as Readonly<Record<string, unknown>>
  expectArgument(depth === 1 || depth === 2 || depth === 3, "the site", site, "what enumerateSites gives")
}

/** The sites of a list. @throws FormatError `argument` */
export function sitesIn<S>(sites: Iterable<S>): readonly S[] {
  expectArgument(typeof Object(sites)[Symbol.iterator] === "function", "the sites", sites, "a list")
  const list = [...sites]
  list.forEach(expectSite)
  return list
}

/** Checks an open LLLite. @throws FormatError `argument` */
export function expectOpenLllite(file: { readonly sites: readonly unknown[] } | undefined): void {
  expectArgument(Array.isArray(file?.sites), "the LLLite", file, "what readLllite gives")
}

/** Checks an open file. @throws FormatError `argument` */
export function expectOpenFile(file: { readonly tensors: unknown } | undefined): void {
  const { tensors } = (file ?? {}) as { readonly tensors?: ReadonlyMap<string, unknown> }
  expectArgument(typeof tensors?.get === "function", "the file", file, "what openSafetensors gives")
}
