/** Checks an argument, which a program without types may forget or mistake. @throws TypeError that says what was expected */
export function expectArgument(isRight: boolean, what: string, value: unknown, expected: string): void {
  if (isRight) return
  const came = value === null || typeof value !== "object" ? String(value) : Object.prototype.toString.call(value)
  throw new TypeError(`${what} is ${came}, expected ${expected}`)
}

/** Checks the shapes of a drawing. @throws TypeError */
export function expectShapes(what: string, scene: { readonly shapes: readonly unknown[] }): void {
  expectArgument(Array.isArray(scene?.shapes), `${what}: the shapes`, scene?.shapes, "a list")
  for (const shape of scene.shapes) expectArgument(isObject(shape), `${what}: a shape`, shape, "an object")
}

/** Checks numbers by their names. @throws TypeError for one that is none */
export function expectNumbers(what: string, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    expectArgument(Number.isFinite(value), `${what}: ${name}`, value, "a number")
  }
}

/** Checks a picture's kind. @throws TypeError */
export function expectPicture(what: string, picture: { readonly data: { readonly length: number } }): void {
  expectArgument(typeof picture?.data?.length === "number", `${what}: the picture`, picture, "a picture with its data")
}

export function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null
}
