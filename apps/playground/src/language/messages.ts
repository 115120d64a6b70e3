import type { english } from "./english/index.ts"

/** All words of the page. A language that lacks one, or has another, does not compile. */
export type Messages = typeof english
