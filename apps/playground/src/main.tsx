import { render } from "preact"
import { openDraft } from "./draw/draft-keeper.ts"
import { App } from "./page/app.tsx"
import { startModel } from "./page/model.ts"
import { refuseStrayFiles } from "./pictures/file-drop.tsx"
import "./page/base.css"
import "./page/fields.css"
import "./page/top-bar.css"
import "./pictures/pictures.css"
import "./draw/draw.css"
import "./draw/boards.css"
import "./controls/controls.css"
import "./shelf/shelf.css"
import "./train/train.css"
import "./files/files.css"

const root = document.getElementById("app")
if (root === null) throw new Error('playground: the page has no element "app"')
render(<App />, root)
refuseStrayFiles()
void openDraft()
void startModel()
