import { signal } from "@preact/signals"

export type PanelId = "draw" | "train" | "files"

/** The panel that is shown. */
export const shown = signal<PanelId>("draw")

/** Shows a panel. */
export function show(panel: PanelId): void {
  shown.value = panel
}
