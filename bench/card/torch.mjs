// The PyTorch side of a check: torch_unet.py in a separate process, row by row.
import { spawn } from "node:child_process"
import { env } from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** @param dtype f16 or bf16 */
export async function runTorch(dtype, { quick, write }) {
  const script = fileURLToPath(new URL("./torch_unet.py", import.meta.url))
  const python = env.LLLITE_CARD_PYTHON ?? "python3"
  // Python uses the system's libraries, not those that are packed for Dawn.
  const { LLLITE_CARD_SYSTEM_LIBRARIES: libraries = env.LD_LIBRARY_PATH ?? "", LD_LIBRARY_PATH: _, ...rest } = env
  const child = spawn(python, [script, "--dtype", dtype, ...(quick ? ["--quick"] : [])], {
    stdio: ["ignore", "pipe", "inherit"],
    env: libraries === "" ? rest : { ...rest, LD_LIBRARY_PATH: libraries },
  })
  const ended = new Promise((resolve, reject) => {
    child.on("error", (cause) => reject(new Error(`"${python}" cannot be started: ${cause.message}`, { cause })))
    child.on("close", (code, signal) => resolve(signal ?? code))
  })
  ended.catch(() => {})
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) write(JSON.parse(line))
  }
  const code = await ended
  if (code !== 0) throw new Error(`torch_unet.py ended with ${code}`)
}
