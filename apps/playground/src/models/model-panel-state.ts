/** The element of the panel. */
export const MODEL_PANEL = "model-details"

/** Opens the panel of the model, beside its button. */
export function showModelPanel(): void {
  document.getElementById(MODEL_PANEL)?.showPopover()
}
