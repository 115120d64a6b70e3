import { expect, it } from "vitest"
import { pairSheet } from "./pair-sheet.ts"

it("names the findings where there is no pair to show", async () => {
  await expect(pairSheet([], { title: "my set", count: 24, seed: 0 })).rejects.toMatchObject({
    code: "contact-sheet",
    message: "pair sheet: there is no pair to show. The findings of the report say why.",
  })
})
