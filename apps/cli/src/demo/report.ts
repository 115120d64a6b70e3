import { lossCurve } from "../report/loss-curve.ts"
import { escapeHtml, pngUrl, reportPage, table } from "../report/page.ts"

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
  const sheetUrl = pngUrl(sheet)
  return reportPage(
    "LLLite: training report",
    `<h1>A Canny LLLite, trained just now</h1>
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
`,
  )
}
