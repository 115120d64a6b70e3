import type { JSX } from "preact"
import { messages } from "../../language/language.ts"
import { Said } from "../../language/said.tsx"
import { sentence } from "../../language/sentence.ts"
import { type FileDifference, percent } from "./edit-file.ts"

interface DifferenceTableProps {
  readonly names: readonly [string, string]
  readonly difference: FileDifference
}

/** How two LLLites differ. */
export function DifferenceTable({ names: [first, second], difference }: DifferenceTableProps): JSX.Element {
  const { isSame, count, onlyFirst, onlySecond, sites, metadata } = difference
  const words = messages.value.files
  if (isSame) {
    return (
      <p role="status" class="outcome">
        {words.same(first, second)}
      </p>
    )
  }
  return (
    <div class="difference">
      <p role="status" class="outcome">
        <Said
          of={[
            sentence("files", "sitesInBoth", count, sites.length),
            ...(onlyFirst.length > 0 ? [sentence("files", "onlyIn", first, onlyFirst.length)] : []),
            ...(onlySecond.length > 0 ? [sentence("files", "onlyIn", second, onlySecond.length)] : []),
          ]}
        />
      </p>
      {sites.length > 0 && (
        <table class="blocks">
          <thead>
            <tr>
              <th scope="col">{words.site}</th>
              <th scope="col">{words.parametersColumn}</th>
              <th scope="col">{words.cosine}</th>
              <th scope="col">{words.outputs}</th>
            </tr>
          </thead>
          <tbody>
            {sites.map(({ path, relative, cosine, output }) => (
              <tr key={path}>
                <th scope="row" translate={false}>
                  {path}
                </th>
                <td>{relative === null ? words.otherWidths : percent(relative)}</td>
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
                {first ?? words.notThere} → {second ?? words.notThere}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}
