import type { RankAddress } from "@lllite/ranks"

/** Reads `host:port`, with an IPv6 host in brackets. Null: the text is no address. */
export function readAddress(text: string): RankAddress | null {
  const [, bracketed, plain, digits] = /^(?:\[([\da-f:.]+)\]|([^\s:/@?#[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const [host, port] = [bracketed ?? plain, Number(digits)]
  return host === undefined || !(port <= 65_535) ? null : { host, port }
}
