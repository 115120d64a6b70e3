import { signal } from "@preact/signals"

export type PanelId = "steer" | "train" | "inspect"

/** The panel that is shown. */
export const shown = signal<PanelId>("steer")

/** Shows a panel. */
export function show(panel: PanelId): void {
  shown.value = panel
}
