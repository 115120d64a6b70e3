import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, encodePng } from "@lllite/runtime-node"
import fc from "fast-check"
import { afterAll, expect, it } from "vitest"
import { describeWithPython, runPython } from "../../../../../packages/format/test/python.ts"
import { optionsEvent, picturesEvent, record, scalarsEvent, sessionStartEvent, versionEvent } from "./event-file.ts"
import { readEvents } from "./read-events.test-help.ts"

const folder = mkdtempSync(join(tmpdir(), "lllite-events-"))
afterAll(() => rmSync(folder, { recursive: true }))

const png = encodePng(blankImage(3, 2, [200, 10, 30]))
const picture = { width: 3, height: 2, png }

it("has the steps, the tags and the values, whatever they are", () => {
  const figures = fc.dictionary(fc.string(), fc.float({ noNaN: true }))
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), fc.double({ noNaN: true }), figures, (step, seconds, scalars) => {
      const [read] = readEvents(scalarsEvent(seconds, step, scalars))
      // Protocol Buffers have no difference between a missing number and 0.
      expect(read).toMatchObject({ step, seconds, scalars: Object.fromEntries(Object.entries(scalars)) })
    }),
  )
})

it("begins with its version, and says where a run continues", () => {
  const file = Uint8Array.from(
    Buffer.concat([versionEvent(1), sessionStartEvent(2, 300), picturesEvent(3, 300, new Map([["a", picture]]))]),
  )
  const [version, start, pictures] = readEvents(file)
  expect(version).toMatchObject({ version: "brain.Event:2", startsSession: false })
  expect(start).toMatchObject({ startsSession: true, step: 300 })
  expect(pictures?.pictures.a).toEqual(Uint8Array.from(png))
})

it("finds a byte that has changed", () => {
  const bytes = record(Uint8Array.of(1, 2, 3))
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice()
    changed[i] = (changed[i] as number) ^ 1
    expect(() => readEvents(changed)).toThrow()
  }
})

describeWithPython("TensorBoard", ["tensorboard"], () => {
  it("reads the scalars, the pictures and the options, and forgets what a later start replaces", () => {
    const first = [
      versionEvent(1),
      optionsEvent(1, { learning_rate: 2e-4, optimizer_type: "lion", save_state: true }),
      ...[1, 2, 3].map((step) => scalarsEvent(step, step, { "loss/current": step / 4, lr: 0.5 })),
      picturesEvent(3, 3, new Map([["sample/00", picture]])),
    ]
    const second = [versionEvent(9), sessionStartEvent(9, 3), scalarsEvent(9, 3, { "loss/current": 8 })]
    writeFileSync(join(folder, "events.out.tfevents.1000000000.lllite.0000"), Buffer.concat(first))
    writeFileSync(join(folder, "events.out.tfevents.1000000009.lllite.0001"), Buffer.concat(second))
    expect(runPython(READ_FOLDER, folder)).toEqual({
      loss: [
        [1, 0.25],
        [2, 0.5],
        [3, 8],
      ],
      rates: [1, 2],
      pictures: [],
      options: { learning_rate: 2e-4, optimizer_type: "lion", save_state: true },
    })
    rmSync(join(folder, "events.out.tfevents.1000000009.lllite.0001"))
    expect(runPython(READ_FOLDER, folder)).toMatchObject({
      loss: [
        [1, 0.25],
        [2, 0.5],
        [3, 0.75],
      ],
      pictures: [[3, 3, 2, Buffer.from(png).toString("hex")]],
    })
  })
})

const READ_FOLDER = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
events = EventAccumulator(json.load(sys.stdin))
events.Reload()
tags = events.Tags()
found = HParamsPluginData.FromString(events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
def plain(value):
    return getattr(value, value.WhichOneof("kind"))
print(json.dumps({
    "loss": [[s.step, s.value] for s in events.Scalars("loss/current")],
    "rates": [s.step for s in events.Scalars("lr")],
    "pictures": [[p.step, p.width, p.height, p.encoded_image_string.hex()] for tag in tags["images"] for p in events.Images(tag)],
    "options": {name: plain(value) for name, value in found.session_start_info.hparams.items()},
}))
`
