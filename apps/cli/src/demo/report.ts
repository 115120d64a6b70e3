import { lossCurve } from "./loss-curve.ts"

/** Contents of a report. */
export interface ReportContents {
  /** The contact sheet as PNG. */
  readonly sheet: Uint8Array
  /** The loss of every step. */
  readonly losses: readonly number[]
  /** Mean edge F1 of all pictures. */
  readonly edgeF1: { readonly without: number; readonly with: number }
  readonly pictures: number
  /** Lines of a table, in order. */
  readonly figures: readonly (readonly [name: string, value: string])[]
  readonly settings: readonly (readonly [name: string, value: string])[]
  /** Name of the saved LLLite. */
  readonly lllite: string
}

/** The report as one HTML file. It needs no other file: no script, no font and no picture. */
export function renderReport(contents: ReportContents): string {
  const { sheet, losses, edgeF1, pictures, figures, settings, lllite } = contents
  const sheetUrl = `data:image/png;base64,${Buffer.from(sheet).toString("base64")}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>LLLite: training report</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>A Canny LLLite, trained just now</h1>
<p>An LLLite is a small adapter that lets a control picture steer SDXL. This one was trained on this machine, on the
tiny SDXL that comes with the package. Below, each group of four pictures is one test:</p>
<ol>
<li>the control: edges of a drawing that neither model has seen;</li>
<li>the picture that the model draws from the caption alone;</li>
<li>the picture that it draws with the LLLite;</li>
<li>the same with the control's edges over it.</li>
</ol>
<section class="score" aria-label="Result">
<div><strong>${edgeF1.without.toFixed(2)}</strong><span>edge F1 without the LLLite</span></div>
<div><strong>${edgeF1.with.toFixed(2)}</strong><span>edge F1 with it</span></div>
</section>
<p class="note">Edge F1 says how well the edges of a picture agree with those of the control, within 2 pixels. 1 means
that all edges agree. 0 means that no edge agrees. The figure is the mean over ${pictures} held-out controls.</p>
<a href="${sheetUrl}" download="sheet.png"><img src="${sheetUrl}" alt="Contact sheet: control, without, with and edges over it, for ${pictures} held-out controls"></a>
<h2>Loss</h2>
${lossCurve(losses)}
<h2>Figures</h2>
${table(figures)}
<h2>Settings</h2>
${table(settings)}
<h2>Next: the real SDXL</h2>
<p>The file <code>${escapeHtml(lllite)}</code> fits the tiny SDXL only. The same commands train for a real SDXL. They
need its checkpoint, and pictures with controls and captions.</p>
<pre>lllite train --pretrained_model_name_or_path sd_xl_base_1.0.safetensors \\
  --train_data_dir pictures --conditioning_data_dir controls --caption_extension .txt \\
  --resolution 1024 --train_batch_size 1 --learning_rate 2e-4 --max_train_steps 2000 \\
  --output_dir out --output_name my-canny --save_precision fp16

lllite generate --ckpt sd_xl_base_1.0.safetensors --prompt "a harbour at dawn" \\
  --control_net_lllite_models out/my-canny.safetensors --guide_image_path edges.png \\
  --outdir out</pre>
<p>The real U-Net has 2.6 billion weights. They do not fit into WebAssembly's memory. <code>lllite doctor</code> says
what this machine can run, and which commands add more. The file format is that of kohya's sd-scripts: both programs
read the files of the other.</p>
</main>
</body>
</html>
`
}

function table(rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  )
  return `<table>${lines.join("")}</table>`
}

/** Text for HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const STYLE = `
:root { color-scheme: light dark; --paper: #fafaf8; --ink: #222226; --faint: #6e6e76; --line: #dcdcd8; --accent: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17171a; --ink: #ececf0; --faint: #9a9aa4; --line: #34343a; --accent: #ff8a80 }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
p, pre { max-width: 46rem }
h1 { font-size: 1.7rem; line-height: 1.2 }
h2 { margin-top: 2.5rem; font-size: 1.2rem }
img { max-width: 100%; height: auto; border: 1px solid var(--line) }
.score { display: flex; gap: 2.5rem; flex-wrap: wrap; margin: 1.5rem 0 0.5rem }
.score strong { display: block; font-size: 2.6rem; line-height: 1.1; font-variant-numeric: tabular-nums }
.score div:last-child strong { color: var(--accent) }
.score span, .note { color: var(--faint); font-size: 0.9rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: 0.2rem 1.5rem 0.2rem 0; border-bottom: 1px solid var(--line); font-weight: normal }
th { color: var(--faint) }
pre { overflow-x: auto; padding: 0.8rem 1rem; border: 1px solid var(--line); font-size: 0.85rem }
svg { max-width: 40rem; width: 100%; font-size: 11px }
svg text { fill: var(--faint) }
svg .grid { stroke: var(--line) }
svg .steps { fill: none; stroke: var(--faint); stroke-width: 0.5; opacity: 0.6 }
svg .mean { fill: none; stroke: var(--accent); stroke-width: 2 }
`
