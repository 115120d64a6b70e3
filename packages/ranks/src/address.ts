import { checkArgument } from "@lllite/core/names"

/** Where the leading process listens, or is reached. */
export interface RankAddress {
  /** A name or an address. An IPv6 address has no brackets. */
  readonly host: string
  readonly port: number
}

/** An address as it stands in URLs: `host:port`. */
export function addressText(address: RankAddress): string {
  checkArgument("ranks: the address", address, "an object")
  const { host, port } = address
  checkArgument("ranks: the host", host, "text")
  checkArgument("ranks: the port", port, "a finite number")
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}
