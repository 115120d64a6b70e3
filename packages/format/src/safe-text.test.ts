import { describe, expect, it } from "vitest"
import { safeText } from "./safe-text.ts"

describe("safeText", () => {
  it.each([
    ["a plain sentence, 3 < 4.\nAnd a line", "a plain sentence, 3 < 4.\nAnd a line"],
    ["\u001b[31mred\u001b[0m\u0007\u009b\r\t", "\\u001b[31mred\\u001b[0m\\u0007\\u009b\\r\\t"],
    ["a\u202egnp.exe\u2066", "a\\u202egnp.exe\\u2066"],
    ["世界 é \u{1f600}", "世界 é \u{1f600}"],
  ])("escapes what a terminal would obey", (text, safe) => {
    expect(safeText(text)).toBe(safe)
  })

  it.each([
    ["https://me:pa55@example.com/a.safetensors", "https://***@example.com/a.safetensors"],
    ["https://me:p@ss@example.com/a", "https://***@example.com/a"],
    ["(http://token@localhost:8080/x) failed", "(http://***@localhost:8080/x) failed"],
    ["s3://key:secret@bucket/x", "s3://***@bucket/x"],
    ["https://a.b/c?X-Amz-Signature=abc&x=1#part", "https://a.b/c?***#part"],
    ['"https://a.b/c?sig=abc": not there.', '"https://a.b/c?***": not there.'],
    ["See https://a.b/c?token=d. Or not.", "See https://a.b/c?***. Or not."],
    ["Is it https://a.b/c? It is.", "Is it https://a.b/c? It is."],
    ["HF_TOKEN=hf_AbCdEfGhIjKlMn0123", "HF_TOKEN=hf_***"],
    ["authorization: Bearer abc.def-ghi", "authorization: Bearer ***"],
    ["Authorization:  basic   YWJjOmRlZg==", "Authorization:  basic ***"],
    ["git+ssh://me:pa55@host/x, and HTTPS://me:pa55@host", "git+ssh://***@host/x, and HTTPS://***@host"],
    ["<https://me@a.b/c>'https://me@a.b'`https://me@a.b`", "<https://***@a.b/c>'https://***@a.b'`https://***@a.b`"],
    ["me@example.com asked", "me@example.com asked"],
  ])("hides secrets: %s", (text, safe) => {
    expect(safeText(text)).toBe(safe)
  })

  it("takes a long text without delay that grows faster than it", () => {
    const text = `https://${"a".repeat(500_000)}${"?@:".repeat(100_000)}`
    expect(safeText(text).length).toBeLessThan(text.length)
    expect(safeText("x?".repeat(500_000))).toHaveLength(1_000_000)
  })
})
