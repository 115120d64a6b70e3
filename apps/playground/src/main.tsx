import { render } from "preact"
import { App } from "./page/app.tsx"
import { startModel } from "./page/model.ts"
import { refuseStrayFiles } from "./pictures/file-drop.tsx"
import "./page/base.css"
import "./page/controls.css"
import "./page/layout.css"
import "./pictures/pictures.css"
import "./train/train.css"
import "./inspect/inspect.css"

const root = document.getElementById("app")
if (root === null) throw new Error('playground: the page has no element "app"')
render(<App />, root)
refuseStrayFiles()
void startModel()
