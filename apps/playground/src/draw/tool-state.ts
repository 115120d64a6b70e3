import { signal } from "@preact/signals"
import { DEFAULT_WIDTH, STAMPS, type WIDTHS } from "./stamps.ts"

/** What the pointer does on the sheet. */
export const TOOLS = ["pen", "eraser", ...STAMPS] as const
export type Tool = (typeof TOOLS)[number]

export const tool = signal<Tool>("pen")
/** The width of the pen in pixels of the picture. The eraser is wider. */
export const width = signal<(typeof WIDTHS)[number]>(DEFAULT_WIDTH)

/** What the sheet shows. */
export const SHEET_VIEWS = ["ink", "both", "control"] as const
export type SheetView = (typeof SHEET_VIEWS)[number]
export const sheetView = signal<SheetView>("both")
