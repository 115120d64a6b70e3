import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The folder that huggingface_hub keeps its files in: `$HF_HOME`, or `huggingface` in the folder of caches.
 *
 * Source: huggingface_hub, `constants.py`.
 */
function hubHome({ HF_HOME, XDG_CACHE_HOME = "" }: Environment): string {
  if (HF_HOME) return withHome(HF_HOME)
  return join(isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache"), "huggingface")
}

/** The folder of huggingface_hub's downloads. Source: huggingface_hub, `constants.py` (`HF_HUB_CACHE`) */
export function hubCacheFolder(environment: Environment): string {
  const named = environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE
  return named ? withHome(named) : join(hubHome(environment), "hub")
}

/**
 * The token for the Hub: of a variable, or of the file that `hf auth login` writes. Null: there is none.
 *
 * Source: huggingface_hub, `utils/_auth.py` (`get_token`).
 */
export async function hubToken(environment: Environment): Promise<string | null> {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN = "" } = environment
  const named = (HF_TOKEN || HUGGING_FACE_HUB_TOKEN || "").trim()
  if (named !== "") return named
  if (/^(1|on|yes|true)$/i.test(HF_HUB_DISABLE_IMPLICIT_TOKEN)) return null
  const path = HF_TOKEN_PATH ? withHome(HF_TOKEN_PATH) : join(hubHome(environment), "token")
  const text = await readFile(path, "utf8").catch(() => "")
  // A file that holds something else is not sent to a server.
  return /^\s*[\x21-\x7e]{1,500}\s*$/.test(text) ? text.trim() : null
}

/** Whether nothing may be asked of a server. Source: huggingface_hub, `constants.py` (`HF_HUB_OFFLINE`). */
export function isOffline({ HF_HUB_OFFLINE = "" }: Environment): boolean {
  return /^(1|on|yes|true)$/i.test(HF_HUB_OFFLINE)
}

/** A path whose `~` is the user's folder. */
function withHome(path: string): string {
  return path.replace(/^~(?=[/\\]|$)/, homedir())
}
