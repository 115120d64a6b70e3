import { expect, it } from "vitest"
import { nearest } from "./nearest.ts"

it("finds the nearest known name, and no name that is far", () => {
  expect(nearest("sede", ["steps", "seed", "scale"])).toBe("seed")
  expect(nearest("network_dims", ["network_dim", "cond_emb_dim"])).toBe("network_dim")
  expect(nearest("colour", ["steps", "seed"])).toBeNull()
})

it("finds the name that has the same words, and none where several have them", () => {
  const known = ["train_batch_size", "lr_warmup_steps", "save_every_n_steps", "save_every_n_epochs", "seed"]
  expect(nearest("batch-size", known)).toBe("train_batch_size")
  expect(nearest("lr_warmup", known)).toBe("lr_warmup_steps")
  expect(nearest("the_lr_warmup_steps_of_it", known)).toBe("lr_warmup_steps")
  expect(nearest("save_every", known)).toBeNull()
  expect(nearest("batch", known)).toBeNull()
  expect(nearest("size_batch", known)).toBeNull()
})
