/** The page of a run. Its script and its style come from the same server, and it asks nothing of any other. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LLLite: training</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
</head>
<body>
<main>
<h1 id="title">Training</h1>
<p id="status" role="status">Connecting …</p>
<progress id="progress" value="0" max="1" aria-label="Steps"></progress>
<dl id="figures"></dl>
<section id="charts"></section>
<section id="samples" hidden>
<h2>Samples <span id="sample-step"></span></h2>
<input id="sample-choice" type="range" min="0" max="0" value="0" aria-label="Step of the samples">
<div id="pictures"></div>
</section>
</main>
<script src="page.js"></script>
</body>
</html>
`

export const STYLE = `
:root { color-scheme: light dark; --paper: #fafaf8; --ink: #222226; --faint: #66666e; --line: #dcdcd8; --accent: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17171a; --ink: #ececf0; --faint: #9a9aa4; --line: #34343a; --accent: #ff8a80 }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 64rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 1.5rem 0 0.25rem }
progress, input[type="range"] { width: 100%; accent-color: var(--accent) }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 0.5rem 1rem; margin: 1rem 0 }
dt { color: var(--faint); font-size: 0.85rem }
dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums }
#charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem }
figure { margin: 0 }
figcaption { color: var(--faint); font-size: 0.85rem }
svg { width: 100%; height: 10rem; border: 1px solid var(--line) }
svg path { fill: none; stroke: var(--faint); stroke-width: 1; vector-effect: non-scaling-stroke }
svg path.main { stroke: var(--accent); stroke-width: 2 }
.row { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.25rem; margin: 0.5rem 0 }
.row img { width: 100%; height: auto; display: block }
.row p { grid-column: 1 / -1; margin: 0; color: var(--faint); font-size: 0.85rem; overflow-wrap: anywhere }
`

/** The script of the page. Texts of a run become text nodes alone. */
export const SCRIPT = `"use strict"
const at = (id) => document.getElementById(id)
const state = { points: [], validations: [], samples: [], steps: 1, perEpoch: 1 }
let isFollowing = true
let isOver = false

function short(value) {
  if (value === null || value === undefined) return "–"
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(2)
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4)
}

function clock(seconds) {
  if (seconds === null || seconds === undefined) return "–"
  const whole = Math.round(seconds)
  const pad = (value) => String(value).padStart(2, "0")
  return Math.floor(whole / 3600) + ":" + pad(Math.floor(whole / 60) % 60) + ":" + pad(whole % 60)
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name)
  if (text !== null) made.textContent = text
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

function showFigures() {
  const last = state.points.at(-1)
  if (last === undefined) return
  at("progress").max = state.steps
  at("progress").value = last.step
  const measured = state.validations.at(-1)
  const figures = [
    ["Step", last.step + " of " + state.steps],
    ["Epoch", String(Math.ceil(last.step / state.perEpoch))],
    ["Loss", short(last.loss)],
    ["Mean loss of an epoch", short(last.averageLoss)],
    ["Learning rate", short(last.learningRate)],
    ["Gradient norm", short(last.gradientNorm)],
    ["Seconds per step", short(last.seconds)],
    ["Time left", isOver ? "–" : clock(last.secondsLeft)],
    ["Memory", last.memoryMiB == null ? "–" : Math.round(last.memoryMiB) + " MiB"],
    ["Device memory", last.deviceMiB == null ? null : Math.round(last.deviceMiB) + " MiB"],
    ["Held-out loss", measured === undefined ? null : short(measured.loss)],
    ["The same without", measured === undefined ? null : short(measured.lossWithout)],
    ["Following", measured?.follow == null ? null : measured.follow.toFixed(2) + ", without " + measured.followWithout.toFixed(2)],
  ]
  at("figures").replaceChildren(
    ...figures.filter(([, value]) => value !== null).map(([name, value]) => {
      const pair = element("div", null)
      pair.append(element("dt", name), element("dd", value))
      return pair
    }),
  )
}

function path(points, first, last, low, high, className) {
  const x = (step) => (last === first ? 0 : (300 * (step - first)) / (last - first))
  const y = (value) => (high === low ? 50 : 100 - (100 * (value - low)) / (high - low))
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path")
  line.setAttribute("d", points.map(([step, value], i) => (i === 0 ? "M" : "L") + x(step).toFixed(2) + " " + y(value).toFixed(2)).join(""))
  if (className !== "") line.setAttribute("class", className)
  return line
}

function chart(name, series) {
  const all = series.flatMap(({ points }) => points).filter(([, value]) => Number.isFinite(value))
  if (all.length === 0) return null
  const [steps, values] = [all.map(([step]) => step), all.map(([, value]) => value)]
  const [first, last] = [steps.reduce((a, b) => Math.min(a, b)), steps.reduce((a, b) => Math.max(a, b))]
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "-4 -4 308 108")
  svg.setAttribute("preserveAspectRatio", "none")
  svg.setAttribute("role", "img")
  svg.setAttribute("aria-label", name + ", " + short(low) + " to " + short(high))
  for (const { points, className } of series) svg.append(path(points, first, last, low, high, className))
  const figure = element("figure", null)
  figure.append(svg, element("figcaption", name + ": " + short(low) + " to " + short(high) + ", steps " + first + " to " + last))
  return figure
}

function showCharts() {
  const of = (name, list = state.points) => list.map((point) => [point.step, point[name]]).filter(([, value]) => value != null)
  const charts = [
    chart("Loss, and its mean", [{ points: of("loss"), className: "" }, { points: of("averageLoss"), className: "main" }]),
    chart("Held-out loss, and without the LLLite", [
      { points: of("loss", state.validations), className: "main" },
      { points: of("lossWithout", state.validations), className: "" },
    ]),
    chart("Following of controls", [
      { points: of("follow", state.validations), className: "main" },
      { points: of("followWithout", state.validations), className: "" },
    ]),
    chart("Learning rate", [{ points: of("learningRate"), className: "main" }]),
    chart("Gradient norm", [{ points: of("gradientNorm"), className: "main" }]),
    chart("Memory in MiB", [{ points: of("memoryMiB"), className: "main" }]),
  ]
  at("charts").replaceChildren(...charts.filter((one) => one !== null))
}

function showSamples() {
  if (state.samples.length === 0) return
  const choice = at("sample-choice")
  choice.max = state.samples.length - 1
  if (isFollowing) choice.value = choice.max
  const set = state.samples[Number(choice.value)]
  at("samples").hidden = false
  choice.hidden = state.samples.length === 1
  at("sample-step").textContent = "of step " + set.step + ": control, without the LLLite, with it"
  at("pictures").replaceChildren(
    ...set.rows.map(({ prompt, pictures }) => {
      const row = element("div", null, { class: "row" })
      const names = ["control", "without the LLLite", "with it"]
      row.append(...pictures.map((id, i) => element("img", null, { src: "pictures/" + id + ".png", alt: names[i] + ": " + prompt })))
      row.append(element("p", prompt))
      return row
    }),
  )
}

let isDue = false
function show() {
  if (isDue) return
  isDue = true
  requestAnimationFrame(() => {
    isDue = false
    showFigures()
    showCharts()
  })
}

at("sample-choice").addEventListener("input", () => {
  isFollowing = at("sample-choice").value === at("sample-choice").max
  showSamples()
})

const source = new EventSource("events")
const on = (name, handle) => source.addEventListener(name, (event) => { handle(JSON.parse(event.data)); show() })
source.addEventListener("open", () => { at("status").textContent = "Training." })
source.addEventListener("error", () => {
  if (!isOver) at("status").textContent = "The connection is lost. The program may have ended."
})
on("run", (run) => {
  Object.assign(state, run)
  at("title").textContent = run.name
  document.title = run.name
  showSamples()
})
on("step", (point) => {
  state.points.push(point)
  // A long run keeps every other point.
  if (state.points.length > 4000) state.points = state.points.filter((_, i) => i % 2 === 1)
})
on("validation", (record) => state.validations.push(record))
on("samples", (set) => {
  state.samples.push(set)
  state.samples = state.samples.slice(-MOST_SETS)
  showSamples()
})
on("end", ({ text }) => {
  isOver = true
  source.close()
  at("status").textContent = text
})
`
