/**
 * Puts members back into a list that they were taken from. Other changes of the list since then stay.
 *
 * @param now the list without them
 * @param before the list that held them
 * @param taken the members that come back
 */
export function putBack<Member>(
  now: readonly Member[],
  before: readonly Member[],
  taken: readonly Member[],
): readonly Member[] {
  const list = [...now]
  for (const [index, member] of before.entries()) if (taken.includes(member)) list.splice(index, 0, member)
  return list
}
