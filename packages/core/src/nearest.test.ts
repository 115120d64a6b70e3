import { expect, it } from "vitest"
import { nearest } from "./nearest.ts"

it("finds the nearest known name, and no name that is far", () => {
  expect(nearest("sede", ["steps", "seed", "scale"])).toBe("seed")
  expect(nearest("network_dims", ["network_dim", "cond_emb_dim"])).toBe("network_dim")
  expect(nearest("colour", ["steps", "seed"])).toBeNull()
})
