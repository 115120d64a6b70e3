import { safeText } from "./safe-text.ts"

/**
 * The base of this project's errors. Its message is safe to show: see `safeText`.
 *
 * A program may hold a package twice, as an ES module and as CommonJS, or bundled into another. `instanceof` then holds
 * for errors of every copy: it compares the names in `kind`.
 */
export abstract class LlliteError<Code extends string = string> extends Error {
  /** The name of the class, which minifiers keep. A class without one is compared as classes are. */
  static readonly kind: string = "LlliteError"
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(safeText(message), options)
    this.code = code
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore-start lint/complexity/noThisInStatic: it is the class to the right of instanceof, also a derived one
    if (!Object.hasOwn(this, "kind")) return super[Symbol.hasInstance](value)
    for (let each: unknown = value; each instanceof Object; each = Object.getPrototypeOf(each)) {
      const made = each.constructor as unknown
      if (typeof made === "function" && "kind" in made && made.kind === this.kind) return true
    }
    // biome-ignore-end lint/complexity/noThisInStatic: as above
    return false
  }
}
