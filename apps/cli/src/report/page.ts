/**
 * A report as one HTML file. It needs no other file: no script, no font and no picture.
 *
 * @param body HTML, in which texts are escaped
 */
export function reportPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body.trim()}
</main>
</body>
</html>
`
}

/** A PNG as an address inside the file. */
export function pngUrl(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`
}

/** Names and values as a table. */
export function table(rows: readonly (readonly [string, string])[]): string {
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
