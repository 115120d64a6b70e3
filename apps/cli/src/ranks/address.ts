import type { RankAddress } from "@lllite/ranks"

/** The problem of an address that is none. One with a user name or a password is not shown. */
export function addressProblem(what: string, text: string, example: string): string {
  const came = text.includes("@") ? "has a user name or a password" : `is ${JSON.stringify(text)}`
  return `${what} ${came}, expected host:port, for example ${example}`
}

/** Reads `host:port`, with an IPv6 host in brackets. Null: the text is not an address. */
export function readAddress(text: string): RankAddress | null {
  const [, bracketed, plain, digits] = /^(?:\[([\da-f:.]+)\]|([^\s:/@?#[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const [host, port] = [bracketed ?? plain, Number(digits)]
  return host === undefined || !(port <= 65_535) ? null : { host, port }
}
