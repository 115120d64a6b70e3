import { describe, expect, it } from "vitest"
import { COMMANDS, findListed } from "./program.ts"

const errorOf = (...argv: readonly string[]): string => {
  try {
    return `found ${findListed(argv).listed.name}`
  } catch (error) {
    return (error as Error).message
  }
}

describe("findListed", () => {
  it.each(COMMANDS.map(({ name }) => name))("finds %s, and what follows it", (name) => {
    const { listed, rest } = findListed([...name.split(" "), "a", "--b"])
    expect([listed.name, rest]).toEqual([name, ["a", "--b"]])
  })

  it.each([
    [["trian"], /Did you mean train\?/],
    [["dataset"], /^dataset is not a whole command\. Expected dataset check/],
    [["dataset", "--json"], /^dataset is not a whole command/],
    [["dataset", "chek"], /^"dataset chek" is not a command\. Did you mean dataset check\?/],
    [["datset", "check"], /Did you mean dataset check\?/],
    [["datset"], /Did you mean dataset\?/],
    [["dataset", "xyzzy"], /^"dataset xyzzy" is not a command\. Expected dataset check/],
    [["--json"], /^--json is not an option here/],
    [["__proto__"], /Type: lllite --help/],
    [[""], /^"" is not a command/],
  ])("says what is meant by %j", (argv, message) => {
    expect(errorOf(...argv)).toMatch(message)
  })
})
