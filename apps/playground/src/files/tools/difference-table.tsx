import type { JSX } from "preact"
import { counted } from "../../page/counted.ts"
import { type FileDifference, percent } from "./edit-file.ts"

interface DifferenceTableProps {
  readonly names: readonly [string, string]
  readonly difference: FileDifference
}

/** How two LLLites differ. */
export function DifferenceTable({ names: [first, second], difference }: DifferenceTableProps): JSX.Element {
  const { isSame, count, onlyFirst, onlySecond, sites, metadata } = difference
  if (isSame) {
    return (
      <p role="status" class="outcome">
        {first} and {second} hold the same values and metadata.
      </p>
    )
  }
  return (
    <div class="difference">
      <p role="status" class="outcome">
        {counted(count, "site")} in both files. {sites.length} of them differ.
        {onlyFirst.length > 0 && ` Only in ${first}: ${counted(onlyFirst.length, "site")}.`}
        {onlySecond.length > 0 && ` Only in ${second}: ${counted(onlySecond.length, "site")}.`}
      </p>
      {sites.length > 0 && (
        <table class="blocks">
          <thead>
            <tr>
              <th scope="col">Site</th>
              <th scope="col">Parameters</th>
              <th scope="col">Cosine</th>
              <th scope="col">Outputs</th>
            </tr>
          </thead>
          <tbody>
            {sites.map(({ path, relative, cosine, output }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <td>{relative === null ? "other widths" : percent(relative)}</td>
                <td>{cosine === null ? "" : cosine.toFixed(4)}</td>
                <td>{output === null ? "" : percent(output)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {metadata.length > 0 && (
        <dl class="metadata">
          {metadata.map(({ key, first, second }) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>
                {first ?? "not there"} → {second ?? "not there"}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}
