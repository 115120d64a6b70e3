import { signal } from "@preact/signals"

export type PanelId = "steer" | "train" | "inspect"

/** The panel in front. */
export const shown = signal<PanelId>("steer")

/** Brings a panel to the front. */
export function show(panel: PanelId): void {
  shown.value = panel
}
