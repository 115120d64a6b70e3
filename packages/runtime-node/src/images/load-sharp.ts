import { InputError } from "../errors.ts"

/**
 * The decoder of pictures, and the encoder of WebP. It is native, and is loaded when a picture needs it. So all else works without it.
 *
 * @throws InputError if it is not installed, or is not for this system
 */
export async function loadSharp(): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default
  } catch (cause) {
    // Its own message has several lines of advice for its developers.
    const reason = (cause instanceof Error ? cause.message : String(cause)).trim().split("\n")[0]
    throw new InputError(
      "sharp-missing",
      `pictures cannot be read, because the package "sharp" cannot be loaded: ${reason}. Type: npm install --include=optional sharp@0.35.5`,
      { cause },
    )
  }
}
