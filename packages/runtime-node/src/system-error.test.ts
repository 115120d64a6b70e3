import { constants } from "node:os"
import { describe, expect, it } from "vitest"
import { fileError } from "./errors.ts"
import { systemReason } from "./system-error.ts"

const refused = (code: string): Error => Object.assign(new Error(`${code}: words of the system, open 'a'`), { code })

describe("fileError", () => {
  it.each([
    ["ELOOP", "links lead in a circle"],
    ["EFBIG", "larger than the system allows"],
    ["ENAMETOOLONG", "name is too long"],
    ["ENOTDIR", "a part of the path is a file"],
    ["EROFS", "read-only"],
    ["EMFILE", "too many files are open"],
    ["ENFILE", "too many files are open"],
    ["EDQUOT", "your share of the disk"],
    ["ERR_INVALID_ARG_VALUE", "NUL"],
  ])("says what %s means and what to do, without the words of the system", (code, said) => {
    const { message } = fileError("read", "a", refused(code))
    expect(message).toMatch(/^cannot read "a": /)
    expect(message).toContain(said)
    expect(message).toMatch(/\. [A-Z].*\.$/)
    expect(message).not.toMatch(new RegExp(`${code}|words of the system`))
  })

  it("has no secret and no control character of the path", () => {
    const { message } = fileError("read", "https://me:hunter2@a/\u001b[2J", refused("ENOENT"))
    expect(message).not.toMatch(/hunter2|\p{Cc}/u)
  })
})

describe("systemReason", () => {
  it("knows only codes of the system, and no name that every object has", () => {
    for (const code of ["toString", "constructor", "__proto__", "metadata"])
      expect(systemReason(refused(code))).toBeNull()
    expect(systemReason(new Error("no code"))).toBeNull()
    expect(systemReason("EMFILE")).toBeNull()
  })

  it("has a sentence for every refusal of a file that this system can make", () => {
    const ofFiles =
      "ENOENT EACCES EPERM EISDIR ENOTDIR EEXIST ENOTEMPTY ENOSPC EDQUOT EFBIG EROFS EMFILE ENFILE ENAMETOOLONG ELOOP ENXIO ENODEV EBUSY ETXTBSY EIO ESTALE EXDEV EILSEQ EINVAL ENOMEM"
    const here = ofFiles.split(" ").filter((code) => Object.hasOwn(constants.errno, code))
    expect(here.length).toBeGreaterThan(15)
    expect(here.filter((code) => systemReason(refused(code)) === null)).toEqual([])
  })
})
