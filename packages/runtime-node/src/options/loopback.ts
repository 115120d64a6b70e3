import { isIP } from "node:net"

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."))
}
