import { controls } from "./controls.ts"
import { draw } from "./draw.ts"
import { files } from "./files.ts"
import { models } from "./models.ts"
import { page } from "./page.ts"
import { pictures } from "./pictures.ts"
import { train } from "./train.ts"

/** All words of the page in English. Other languages have the same keys and parameters. */
export const english = { controls, draw, files, models, page, pictures, train }
