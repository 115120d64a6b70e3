/**
 * Text that may be shown to people, of which parts come from elsewhere. Control characters and marks of direction are
 * escaped, except line feeds. Secrets are replaced by `***`: user names and passwords in addresses, queries of addresses
 * (they may be signed), tokens of the Hugging Face Hub, and what stands in an `Authorization` header.
 */
export function safeText(given: string): string {
  // Programs without types may give anything. An error about that would need this function.
  const text = String(given)
  return (
    text
      // An address with a scheme, up to a character that ends it in a sentence.
      .replace(/\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'`<>\\]+)/gi, (_, scheme: string, rest: string) => {
        return scheme + withoutSecrets(rest)
      })
      .replace(/\b(hf|api_org)_[A-Za-z0-9]{8,}/g, "$1_***")
      .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, "$1 ***")
      // Control characters except the line feed, and marks that reorder a line.
      .replace(/(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, escaped)
  )
}

function withoutSecrets(address: string): string {
  // A password may hold a slash or a question mark that was not encoded. The last "@" before the path ends it.
  const host = address.replace(/^[^/?#]*@/, "***@")
  return host.replace(/\?[^#]*[^#.,;:!)\]]/, "?***")
}

function escaped(character: string): string {
  const code = character.charCodeAt(0)
  return code < 32 ? JSON.stringify(character).slice(1, -1) : `\\u${code.toString(16).padStart(4, "0")}`
}
