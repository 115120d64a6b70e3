import { expect, it } from "vitest"
import { isLoopback } from "./loopback.ts"

it.each(["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.2", "127.255.255.255", "::1"])(
  "only this machine reaches %s",
  (host) => {
    expect(isLoopback(host)).toBe(true)
  },
)

it.each([
  ...["", "0.0.0.0", "::", "10.0.0.1", "192.168.1.7", "128.0.0.1", "12.7.0.1", "::2", "fe80::1", "example.com"],
  // Names that only look like it: their owners decide which machine they are.
  ...["127.0.0.1.example.com", "127.example.com", "localhost.example.com", "notlocalhost", "127.0.0.256", "127.1"],
  // Not addresses as they stand.
  ...["127.0.0.1:7860", "[::1]", "http://localhost", "localhost ", "127.0.0.1/8"],
])("others may reach %s", (host) => {
  expect(isLoopback(host)).toBe(false)
})
