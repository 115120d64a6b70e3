import { readdir, readFile } from "node:fs/promises"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import asc from "assemblyscript/asc"

const folder = fileURLToPath(new URL("../kernels/", import.meta.url))

/** The kernels' source files. */
export async function kernelSources(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".ts")).map((name) => `${folder}${name}`)
}

/** The instructions that a build may use. `relaxed-simd` has products that are added with one rounding. */
export type Instructions = "simd" | "relaxed-simd"

/**
 * Compiles the kernels to a WebAssembly module that imports its memory and holds no data. Such a module can work on the
 * heap of TensorFlow.js' backend. It writes only to the addresses of a call.
 */
export async function compileKernels(instructions: Instructions): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array | null = null
  const { error, stderr } = await asc.main(
    [
      "index.ts",
      ...["--outFile", "kernels.wasm", "--runtime", "stub", "--importMemory", "--initialMemory", "1"],
      ...["-O3", "--noAssert", "--enable", "simd", "--use", "abort="],
      ...(instructions === "simd" ? [] : ["--enable", instructions]),
    ],
    {
      readFile: (name) => readFile(`${folder}${basename(name)}`, "utf8").catch(() => null),
      writeFile: (_name, contents) => {
        if (typeof contents !== "string") binary = contents
      },
    },
  )
  if (error !== null || binary === null) {
    throw new Error(`kernels do not compile: ${error?.message ?? "no output"}\n${stderr.toString()}`)
  }
  const copied = new Uint8Array(binary)
  expectNoData(copied)
  return copied
}

/** Refuses a data segment or a start function, since both would write to memory of the backend. */
function expectNoData(binary: Uint8Array): void {
  const names: Readonly<Record<number, string>> = { 8: "start function", 11: "data segment" }
  let at = 8
  while (at < binary.length) {
    const name = names[binary[at] ?? 0]
    if (name !== undefined) throw new Error(`kernels have a ${name}, expected none: they must not write before a call`)
    let size = 0
    let shift = 0
    let byte = 0
    do {
      byte = binary[++at] ?? 0
      size += (byte & 0x7f) << shift
      shift += 7
    } while ((byte & 0x80) !== 0)
    at += 1 + size
  }
}
