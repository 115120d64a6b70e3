// The tfjs that the packages use: the workspace's root has none of its own.
import { createRequire } from "node:module"

export const tf = createRequire(new URL("../packages/runtime-node/package.json", import.meta.url))("@tensorflow/tfjs")
