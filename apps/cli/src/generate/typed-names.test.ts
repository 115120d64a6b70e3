import { CoreError } from "@lllite/core"
import { expect, it } from "vitest"
import { withTypedNames } from "./typed-names.ts"

it("names the options of a spacing as a user types them, and leaves other errors", () => {
  const error = new CoreError("option-range", "sigmas: sigmaMin is 3, expected less than sigmaMax, 1")
  expect(withTypedNames(error)).toMatchObject({
    code: "option-range",
    message: "generate: --spacing_args: sigma_min is 3, expected less than sigma_max, 1",
    cause: error,
  })
  const others = [
    new CoreError("option-range", "sigmas: steps must be a positive integer, got 0"),
    new Error("x"),
    null,
  ]
  for (const other of others) expect(withTypedNames(other)).toBe(other)
})
