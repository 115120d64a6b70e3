import { describe, expect, it } from "vitest"
import type { ServeError } from "../errors.ts"
import { type AccessOptions, createAccessCheck } from "./access.ts"

const LOCAL: AccessOptions = { host: "127.0.0.1", key: null, allowHosts: [], allowOrigins: [] }
const OPEN: AccessOptions = { ...LOCAL, host: "0.0.0.0", key: "secret" }

/** The code of a refusal. Null: the request may pass. */
function refused(options: AccessOptions, headers: Readonly<Record<string, string>>, method = "GET"): string | null {
  try {
    createAccessCheck(options)({ headers, method })
    return null
  } catch (error) {
    return (error as ServeError).code
  }
}

describe("the check of access", () => {
  it("takes requests to this machine without a key", () => {
    for (const host of ["localhost:8188", "127.0.0.1:9000", "[::1]:8188", "LOCALHOST", "127.1.2.3"]) {
      expect(refused(LOCAL, { host })).toBeNull()
    }
  })

  it("refuses a name that was made to lead here", () => {
    for (const host of ["evil.example:8188", "localhost.evil.example", "", "127.0.0.1.evil.example", "[::1", "a b"]) {
      expect(refused(LOCAL, { host })).toBe("host")
    }
    expect(refused({ ...LOCAL, allowHosts: ["Proxy.example"] }, { host: "proxy.example" })).toBeNull()
  })

  it("refuses pages of other servers, and takes its own", () => {
    const host = "localhost:8188"
    expect(refused(LOCAL, { host, origin: "http://localhost:8188" })).toBeNull()
    for (const origin of [
      "http://evil.example",
      "null",
      "http://localhost:8189",
      "http://localhost:8188.evil.example",
    ]) {
      expect(refused(LOCAL, { host, origin }, "POST")).toBe("origin")
    }
    expect(refused({ ...LOCAL, allowOrigins: ["https://my.page"] }, { host, origin: "https://my.page" })).toBeNull()
  })

  it("refuses what a page elsewhere embeds, and takes a link to here", () => {
    const host = "localhost:8188"
    expect(refused(LOCAL, { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).toBe("origin")
    expect(refused(LOCAL, { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).toBeNull()
    expect(refused(LOCAL, { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, "POST")).toBe(
      "origin",
    )
  })

  it("does not open to other machines without a key", () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.5", "example.org"]) {
      expect(() => createAccessCheck({ ...LOCAL, host })).toThrow(/a key is needed/)
    }
  })

  it("refuses names and origins that no request can have", () => {
    for (const name of ["proxy.example:8080", "a/b", "http://proxy.example", "not a host", ""]) {
      expect(refused({ ...LOCAL, allowHosts: [name] }, { host: "localhost" })).toBe("access")
      expect(refused({ ...OPEN, host: name }, { host: "localhost" })).toBe("access")
    }
    for (const origin of ["page.example", "https://page.example/", "https://page.example/app", "*", ""]) {
      expect(refused({ ...LOCAL, allowOrigins: [origin] }, { host: "localhost" })).toBe("access")
    }
    const host = "localhost"
    const fine = { allowHosts: ["proxy", "2001:db8::1", "bücher.example"], allowOrigins: ["http://page.example:8080"] }
    expect(refused({ ...LOCAL, ...fine }, { host })).toBeNull()
  })

  it("takes the key as a token or as a password, and nothing else", () => {
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`
    const host = "server.example"
    for (const authorization of ["Bearer secret", "bearer secret", basic("me:secret"), basic(":secret")]) {
      expect(refused(OPEN, { host, authorization })).toBeNull()
    }
    for (const authorization of [
      "",
      "secret",
      "Bearer Secret",
      "Bearer secret2",
      "Bearer ",
      basic("secret:"),
      "Digest secret",
    ]) {
      expect(refused(OPEN, { host, authorization })).toBe("key")
    }
  })
})
