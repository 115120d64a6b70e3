/** Where the leading process listens, or is reached. */
export interface RankAddress {
  /** A name or an address. An IPv6 address has no brackets. */
  readonly host: string
  readonly port: number
}

/** An address as it stands in URLs: `host:port`. */
export function addressText({ host, port }: RankAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}
