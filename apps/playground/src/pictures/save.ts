/** Saves a file through the browser's downloads. */
export function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  // By then the browser has opened the address.
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
