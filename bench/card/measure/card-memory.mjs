import { execFile } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { promisify } from "node:util"

/**
 * MiB of memory that all programs use on the first card. The source is nvidia-smi, or a file of the kernel's amdgpu. Null
 * if there is neither.
 */
export async function usedMiB() {
  return (await ofNvidia()) ?? (await ofAmd())
}

async function ofNvidia() {
  try {
    const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    const { stdout } = await promisify(execFile)("nvidia-smi", query)
    const [used] = stdout.trim().split("\n").map(Number)
    return Number.isFinite(used) ? used : null
  } catch {
    return null
  }
}

async function ofAmd() {
  const folder = "/sys/class/drm"
  for (const card of (await readdir(folder).catch(() => [])).filter((name) => /^card\d+$/.test(name)).sort()) {
    const bytes = await readFile(`${folder}/${card}/device/mem_info_vram_used`, "utf8").catch(() => null)
    if (bytes !== null) return Math.round(Number(bytes) / 2 ** 20)
  }
  return null
}
