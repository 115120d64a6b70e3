import { render } from "preact"
import { openDraft } from "./draw/draft-keeper.ts"
import { openKeptVaes } from "./kept/kept-vaes.ts"
import { openLanguage } from "./language/language.ts"
import { openDownloads } from "./models/stored-downloads.ts"
import { keepOffline } from "./offline/keep-offline.ts"
import { takeFiles } from "./opening/open-files.ts"
import { App } from "./page/app.tsx"
import { keepFocus } from "./page/keep-focus.ts"
import { startModel } from "./page/model.ts"
import "./page/base.css"
import "./page/fields.css"
import "./page/top-bar.css"
import "./pictures/pictures.css"
import "./draw/draw.css"
import "./draw/boards.css"
import "./controls/controls.css"
import "./shelf/shelf.css"
import "./sweep/sweep.css"
import "./models/models.css"
import "./start/start.css"
import "./train/train.css"
import "./files/files.css"
// Last, since it overrides colours of the others.
import "./page/forced-colors.css"

const root = document.getElementById("app")
if (root === null) throw new Error('playground: the page has no element "app"')
void openLanguage().then(() => {
  // What stood there is for a browser that does not run this script.
  root.replaceChildren()
  render(<App />, root)
  takeFiles()
  keepFocus(root)
  void openDraft()
  void openKeptVaes()
  void openDownloads()
})
void keepOffline().then(startModel)
