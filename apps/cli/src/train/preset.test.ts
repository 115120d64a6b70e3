import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { TRAIN_OPTIONS } from "./options/index.ts"
import { withPreset } from "./preset.ts"
import { readTrainSettings, type TrainSettings } from "./settings.ts"

const least = {
  ...{ pretrained_model_name_or_path: "tiny", train_data_dir: "images", conditioning_data_dir: "controls" },
  ...{ output_dir: "out", resolution: "64" },
}

function read(line: Readonly<Record<string, unknown>>, file: Readonly<Record<string, unknown>> = {}): TrainSettings {
  const reader = withPreset(readRecord(TRAIN_OPTIONS, { ...least, ...line }, file))
  const settings = readTrainSettings(reader)
  reader.finish()
  return settings
}

describe("a preset", () => {
  it("sets options that are not given, on the command line or in a file", () => {
    const expected = { conditionerInit: "normalised", minTimestep: 600, maxTimestep: 1000, recordsTimesteps: true }
    const line = read({ preset: "fast-follow" })
    expect(line).toMatchObject(expected)
    expect(line.preset).toEqual({
      name: "fast-follow",
      sets: ["conditioner_init normalised", "min_timestep 600"],
      text: "Preset fast-follow sets conditioner_init normalised, min_timestep 600.",
    })
    const file = read({}, { preset: "fast-follow" })
    expect(file).toMatchObject(expected)
    expect(file.preset).toEqual(line.preset)
    expect(read({})).toMatchObject({ preset: null, conditionerInit: "default", minTimestep: 0 })
  })

  it("leaves given options as they are, and says so", () => {
    const settings = read({ preset: "fast-follow", min_timestep: "0" }, { conditioner_init: "default" })
    expect(settings).toMatchObject({ conditionerInit: "default", minTimestep: 0 })
    expect(settings.preset?.text).toBe(
      "Preset fast-follow sets nothing. conditioner_init stays default, as given. --min_timestep stays 0, as given.",
    )
  })

  it.each(["network_weights", "resume"])("leaves the beginning to %s", (option) => {
    const { preset, conditionerInit, minTimestep } = read({ preset: "fast-follow", [option]: "before" })
    expect([conditionerInit, minTimestep]).toEqual(["default", 600])
    expect(preset?.text).toBe(
      `Preset fast-follow sets min_timestep 600. conditioner_init is left out: --${option} has its own values.`,
    )
  })

  it("is beside the mistakes of another program, which are their own option", () => {
    const { preset, compat } = read({ preset: "fast-follow", compat: "sd-scripts" })
    expect([preset?.sets.length, compat]).toEqual([2, "sd-scripts"])
  })

  it("is named where its options do not go with given ones", () => {
    expect(() => read({ preset: "fast-follow", max_timestep: "300" })).toThrow(
      "preset fast-follow: min_timestep is 600 and --max_timestep is 300, expected the first below the second",
    )
  })

  it("has a name of the list", () => {
    expect(() => read({ preset: "fast-folow" })).toThrow(
      'test: --preset is "fast-folow", expected "fast-follow". Did you mean fast-follow?',
    )
  })
})
