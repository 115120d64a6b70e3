/** A plugin of StrykerJS. It ignores the arguments of `new …Error(…)`: texts for people, which tests quote in part. */
const messages = {
  shouldIgnore(path) {
    const { parentPath } = path
    if (path.listKey !== "arguments" || !parentPath?.isNewExpression()) return undefined
    const { callee } = parentPath.node
    return callee.type === "Identifier" && callee.name.endsWith("Error") ? "the text of an error" : undefined
  },
}

export const strykerPlugins = [{ kind: "Ignore", name: "messages", value: messages }]
