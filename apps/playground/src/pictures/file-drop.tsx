import type { ComponentChildren, JSX } from "preact"
import { useId, useState } from "preact/hooks"

interface FileDropProps {
  readonly label: string
  /** As of `<input type=file>`. */
  readonly accept?: string
  readonly multiple?: boolean
  readonly disabled?: boolean
  readonly onFiles: (files: readonly File[]) => void
  readonly children?: ComponentChildren
}

/** A place for files, by drag or by a button that opens the browser's own dialogue. */
export function FileDrop({ label, accept, multiple, disabled, onFiles, children }: FileDropProps): JSX.Element {
  const id = useId()
  const [isOver, setOver] = useState(false)
  const take = (files: FileList | null | undefined): void => {
    if (disabled !== true && files != null && files.length > 0) onFiles([...files])
  }
  return (
    <fieldset
      class={isOver ? "file-drop over" : "file-drop"}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        take(event.dataTransfer?.files)
      }}
    >
      {children}
      <input
        id={id}
        type="file"
        class="visually-hidden"
        {...(accept === undefined ? {} : { accept })}
        multiple={multiple === true}
        disabled={disabled === true}
        onChange={(event) => {
          take(event.currentTarget.files)
          // The same file can be picked again.
          event.currentTarget.value = ""
        }}
      />
      <label for={id} class="button">
        {label}
      </label>
    </fieldset>
  )
}
