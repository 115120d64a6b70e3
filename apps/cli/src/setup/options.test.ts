import { expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { SETUP_OPTIONS, setupProblem } from "./options.ts"

const settings = (more: Record<string, unknown> = {}) => readRecord(SETUP_OPTIONS, more).finish()

it("accepts known targets", () => {
  expect(setupProblem("tensorflow", settings({ gpu: true, python: "/py", wheel_dir: "wheels" }))).toBeNull()
  expect(setupProblem("tensorflow", settings({ remove: true }))).toBeNull()
})

it.each([
  ["", {}, /the target is "", expected tensorflow/],
  ["pytorch", {}, /the target is "pytorch", expected tensorflow/],
  ["tensorflw", {}, /Did you mean tensorflow\?/],
  ["tensorflow", { remove: true, gpu: true }, /--remove does not go with other options/],
])("refuses %s with %j", (target, more, message) => {
  expect(setupProblem(target, settings(more))).toMatch(message)
})
