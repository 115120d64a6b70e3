import { PassThrough } from "node:stream"
import { expect, it, vi } from "vitest"
import { needs } from "../../../../packages/format/test/needs.ts"
import { createTypedLines } from "./typed-lines.ts"

/** Lines of a terminal or a pipe, with what types into it and what shows. */
function typing(isTerminal: boolean) {
  const [input, output, stop] = [new PassThrough(), new PassThrough(), new AbortController()]
  const interrupt = vi.fn(() => stop.abort())
  const lines = createTypedLines({ input, output, isTerminal }, stop.signal, interrupt)
  return { ...{ input, output, interrupt, lines }, shown: () => String(output.read() ?? "") }
}

const [UP, ENTER, CTRL_C, CTRL_D, CTRL_Z] = ["\u001b[A", "\r", "\u0003", "\u0004", "\u001a"]

it("brings back earlier lines with the arrow keys, and lets them be edited", async () => {
  const { input, lines, shown } = typing(true)
  const first = lines.next()
  input.write(`a red ring${ENTER}`)
  expect(await first).toBe("a red ring")
  input.write(`a star${ENTER}`)
  expect(await lines.next()).toBe("a star")
  input.write(`${UP}${UP} --s 4${ENTER}`)
  expect(await lines.next()).toBe("a red ring --s 4")
  expect(shown()).toContain("prompt> ")
  lines.close()
})

it("reads a pipe to its end, without a prompt", async () => {
  const { input, lines, shown } = typing(false)
  input.end("a\n\nb")
  expect([await lines.next(), await lines.next(), await lines.next(), await lines.next()]).toEqual(["a", "", "b", null])
  expect(shown()).toBe("")
})

it("reads lines that came before the end of the input, and asks for no more", async () => {
  const { input, lines, shown } = typing(true)
  const first = lines.next()
  input.write(`a red ring${ENTER}`)
  await first
  input.write(`a star${ENTER}${CTRL_D}`)
  await vi.waitFor(() => expect(input.isPaused()).toBe(true))
  shown()
  expect([await lines.next(), await lines.next()]).toEqual(["a star", null])
  expect(shown()).toBe("")
  expect(input.isPaused()).toBe(true)
})

const hasJobs = needs("SIGTSTP, which Windows does not have", process.platform !== "win32")
it("reads on after Ctrl-Z and fg", hasJobs, async () => {
  const stopped = vi.spyOn(process, "kill").mockReturnValue(true)
  const { input, lines } = typing(true)
  const first = lines.next()
  input.write(`a red ${CTRL_Z}`)
  await vi.waitFor(() => expect(stopped).toHaveBeenCalledWith(process.pid, "SIGTSTP"))
  stopped.mockRestore()
  process.emit("SIGCONT")
  input.write(`ring${ENTER}`)
  expect(await first).toBe("a red ring")
  lines.close()
})

it("stops at Ctrl-C while no line is asked for", async () => {
  const { input, lines, interrupt } = typing(true)
  const first = lines.next()
  input.write(`a red ring${ENTER}`)
  await first
  input.write(CTRL_C)
  await vi.waitFor(() => expect(interrupt).toHaveBeenCalledOnce())
  expect(await lines.next()).toBeNull()
})
