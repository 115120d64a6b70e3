// Lets a Node before 22.18 run the sources that tests start as threads and processes. It is given by NODE_OPTIONS.
import { register } from "node:module"

register("./strip-types.mjs", import.meta.url)
