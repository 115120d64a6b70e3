import type { JSX } from "preact"

/** The lines of each icon in a box of 24. */
const LINES = {
  pen: "M4 20l1-4L16.5 4.5l3 3L8 19l-4 1zM14 7l3 3",
  eraser: "M9 20h11M5 15l9-10 6 5-8 10H9z M9.5 10l6 5",
  square: "M5 5h14v14H5z",
  star: "M12 3l2.6 6 6.4.6-4.8 4.3 1.4 6.3L12 17l-5.6 3.2 1.4-6.3L3 9.6 9.4 9z",
  ring: "M12 4a8 8 0 1 0 .01 0zM12 9a3 3 0 1 0 .01 0z",
  heart: "M12 20C5 15 3.5 12 3.5 9a4.3 4.3 0 0 1 8.5-1.5A4.3 4.3 0 0 1 20.5 9c0 3-1.5 6-8.5 11z",
  undo: "M9 6L4 11l5 5M4 11h10a6 6 0 0 1 0 8",
  redo: "M15 6l5 5-5 5M20 11H10a6 6 0 0 0 0 8",
  clear: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  open: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15 9h.01",
  close: "M6 6l12 12M18 6L6 18",
  drag: "M9 8l-4 4 4 4M15 8l4 4-4 4",
  language: "M12 3.5a8.5 8.5 0 1 0 .01 0zM3.5 12h17M12 3.5c-5 5.5-5 11.5 0 17c5-5.5 5-11.5 0-17",
} as const

export type IconName = keyof typeof LINES

/** An icon. What it means is said by the label of its button. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={LINES[name]} />
    </svg>
  )
}
