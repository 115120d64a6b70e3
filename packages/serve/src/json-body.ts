import type { FastifyInstance } from "fastify"
import { ServeError } from "./errors.ts"

/** How deep lists and objects of a body may stand in each other. A graph or a recipe needs less than ten. */
const DEEPEST = 100

/**
 * Checks how deep a text of JSON nests, before anything walks through it: what is written again takes a call for each.
 *
 * @throws ServeError `body`
 */
export function checkDepth(text: string): void {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      i = endOfString(text, i)
      if (i < 0) return
    } else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      depth += 1
      if (depth > DEEPEST) {
        throw new ServeError(
          "body",
          `the body has more than ${DEEPEST} lists and objects in each other. Send a flatter one.`,
        )
      }
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [34, 92, 91, 93, 123, 125]

/** The place of the quote that ends a string. Below 0: none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end >= 0) {
    let before = end
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1
    if ((end - before) % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return end
}

/**
 * Reads bodies of JSON in an app, or in a part of it.
 *
 * @param options `parse` reads the text. Default: JSON, without names that change prototypes. `empty` is the value of a
 * body without text. Default: it is refused
 */
export function readJsonBodies(
  app: FastifyInstance,
  options: { readonly parse?: (text: string) => unknown; readonly empty?: unknown } = {},
): void {
  const parse = app.getDefaultJsonParser("error", "error")
  app.removeContentTypeParser("application/json")
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = String(body)
    try {
      checkDepth(text)
      if (text === "" && options.empty !== undefined) done(null, options.empty)
      else if (options.parse === undefined) parse(request, text, done)
      else done(null, options.parse(text))
    } catch (error) {
      done(error as Error)
    }
  })
}
