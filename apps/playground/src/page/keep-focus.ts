/** What can take the focus. A field for text does not, since a phone would open its keyboard. */
const TARGETS = 'button, a[href], summary, select, [tabindex="0"], input:not([type="text"])'

/** An element around the one that has the focus, and the place in it where that one lies. */
interface Place {
  readonly around: Element
  readonly index: number
}

/**
 * Keeps the focus on the page. When the element that has it is removed, hidden or disabled, a browser gives it to no
 * element. Here the nearest one gets it: what follows it, then what lies before it, then those of the part around. If
 * there is none, the tab of the panel gets it.
 */
export function keepFocus(root: Element): void {
  let last: Element | null = null
  let places: readonly Place[] = []
  addEventListener("focusin", ({ target }) => {
    last = target instanceof Element && root.contains(target) ? target : null
    places = last === null ? [] : placesOf(last, root)
  })
  addEventListener("focusout", ({ target }) => {
    // A user who leaves an element that can still be used wants to leave it. One that is removed is told of this before.
    queueMicrotask(() => {
      if (last === target && last !== null && isUsable(last)) last = null
    })
  })
  let frame = 0
  const check = (): void => {
    if (last === null || isUsable(last) || document.activeElement !== document.body) return
    const next = places.flatMap((place) => neighbourOf(place) ?? [])[0]
    const tab = root.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')
    ;(next ?? tab)?.focus({ preventScroll: true })
  }
  const changed = (): void => {
    cancelAnimationFrame(frame)
    // A browser takes the focus from a disabled element after the next frame.
    frame = last === null ? 0 : requestAnimationFrame(() => setTimeout(check))
  }
  new MutationObserver(changed).observe(root, {
    ...{ subtree: true, childList: true, attributes: true },
    attributeFilter: ["disabled", "hidden", "class"],
  })
}

/** The elements around one, the nearest first, without those that hold several parts of the page. */
function placesOf(element: Element, root: Element): readonly Place[] {
  const places: Place[] = []
  let inner = element
  for (let around = inner.parentElement; around !== null && around !== root; around = inner.parentElement) {
    if (around.localName === "main") break
    places.push({ around, index: [...around.children].indexOf(inner) })
    inner = around
  }
  return places
}

function neighbourOf({ around, index }: Place): HTMLElement | null {
  if (!around.isConnected) return null
  const children = [...around.children]
  const inOrder = [...children.slice(index), ...children.slice(0, index).reverse()]
  const inside = inOrder.flatMap((child) => [child, ...child.querySelectorAll("*")])
  return inside.filter((one) => one instanceof HTMLElement).find((one) => one.matches(TARGETS) && isUsable(one)) ?? null
}

function isUsable(element: Element): boolean {
  return element.isConnected && !element.matches(":disabled") && element.checkVisibility({ visibilityProperty: true })
}
