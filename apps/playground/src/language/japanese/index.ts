import type { Messages } from "../messages.ts"
import { controls } from "./controls.ts"
import { draw } from "./draw.ts"
import { files } from "./files.ts"
import { models } from "./models.ts"
import { page } from "./page.ts"
import { pictures } from "./pictures.ts"
import { train } from "./train.ts"

/** All words of the page in Japanese. */
export const japanese: Messages = { controls, draw, files, models, page, pictures, train }
