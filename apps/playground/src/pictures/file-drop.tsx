import type { ComponentChildren, JSX } from "preact"
import { useId, useState } from "preact/hooks"
import { Icon, type IconName } from "../page/icons.tsx"

interface FileDropProps {
  readonly class?: string
  readonly disabled?: boolean
  /** Gets the files, and the drop itself, which also has folders. */
  readonly onFiles: (files: readonly File[], transfer: DataTransfer) => void
  readonly children: ComponentChildren
}

/** An area that accepts files that are dropped on it. */
export function FileDrop({ class: name = "", disabled, onFiles, children }: FileDropProps): JSX.Element {
  const [isOver, setOver] = useState(false)
  const isTaken = (event: DragEvent): boolean => disabled !== true && hasFiles(event)
  return (
    <fieldset
      class={`file-drop ${name} ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        if (!isTaken(event)) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={(event) => {
        // The pointer may move to an element inside of the area.
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false)
      }}
      onDrop={(event) => {
        setOver(false)
        if (!isTaken(event)) return
        event.preventDefault()
        const { dataTransfer } = event
        if (dataTransfer === null) return
        const files = [...dataTransfer.files]
        if (files.length > 0) onFiles(files, dataTransfer)
      }}
    >
      {children}
    </fieldset>
  )
}

interface FileButtonProps {
  readonly label: string
  /** Shown instead of the label, which is then for screen readers. */
  readonly icon?: IconName
  /** Whether it looks like a link. */
  readonly quiet?: boolean
  /** The attribute `accept` of `<input type=file>`. */
  readonly accept: string
  readonly multiple?: boolean
  /** Whether it opens a folder with all files in it. */
  readonly folder?: boolean
  readonly disabled?: boolean
  readonly onFiles: (files: readonly File[]) => void
}

/** Preact sets this property of the element, and its types do not have it. */
const OF_FOLDERS = { webkitdirectory: true }

/** A button that opens the browser's dialogue for files. */
export function FileButton(props: FileButtonProps): JSX.Element {
  const { label, icon, quiet, accept, multiple, folder, disabled, onFiles } = props
  const id = useId()
  return (
    <span class="file-button">
      <input
        id={id}
        type="file"
        class="visually-hidden"
        accept={accept}
        multiple={multiple === true}
        {...(folder === true ? OF_FOLDERS : {})}
        disabled={disabled === true}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])]
          // Without this, picking the same file again would cause no event.
          event.currentTarget.value = ""
          if (files.length > 0) onFiles(files)
        }}
      />
      <label
        for={id}
        class={icon === undefined ? (quiet === true ? "button quiet" : "button") : "tool"}
        title={icon && label}
      >
        {icon === undefined ? (
          label
        ) : (
          <>
            <Icon name={icon} />
            <span class="visually-hidden">{label}</span>
          </>
        )}
      </label>
    </span>
  )
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") ?? false
}
