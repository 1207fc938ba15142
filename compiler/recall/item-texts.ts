// Items of the long lists of documents as they stand in their texts: found, read and replaced without the others. Pure.

import { itemAround, type Span } from '../../runtime/contract/canonical-json.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'

const ID = '\n      "id": "'

/** Where nodes stand in a manifest.json, by id, in the order of the text. Those that it does not have are left out. */
export function nodeSpans(text: string, ids: readonly string[]): ReadonlyMap<string, Span> {
  const wanted = new Set(ids)
  const spans = new Map<string, Span>()
  for (let at = text.indexOf(ID); at !== -1 && spans.size < wanted.size; at = text.indexOf(ID, at + 1)) {
    const start = at + ID.length
    const id = text.slice(start, text.indexOf('"', start))
    const span = wanted.has(id) ? itemAround(text, at) : undefined
    if (span !== undefined) spans.set(id, span)
  }
  return spans
}

/** The manifest with these nodes only. Those that it does not have are left out. */
export function manifestPart(text: string, ids: readonly string[]): Manifest {
  const items = [...nodeSpans(text, ids).values()].map(({ start, end }) => text.slice(start, end))
  const list = text.indexOf('\n  "nodes": [\n') + 1
  if (list === 0) return JSON.parse(text)
  // The list is closed by the first line of its own indent.
  const behind = text.indexOf('\n  ]', list) + '\n  ]'.length
  return JSON.parse(`${text.slice(0, list)}  "nodes": [\n${items.join(',\n')}\n  ]${text.slice(behind)}`)
}

/** Where a step stands in a bundle.json: at or behind `from`, else anywhere. */
export function stepSpan(text: string, id: string, from = 0): Span | undefined {
  const own = `${ID}${id}"`
  const behind = from > 0 ? text.indexOf(own, from) : -1
  return itemAround(text, behind === -1 ? text.indexOf(own, text.indexOf('\n  "steps": [')) : behind)
}

/** The text with others in these places. */
export function replaced(text: string, places: readonly (readonly [Span, string])[]): string {
  const parts: string[] = []
  let at = 0
  for (const [{ start, end }, now] of [...places].sort(([a], [b]) => a.start - b.start)) {
    parts.push(text.slice(at, start), now)
    at = end
  }
  return [...parts, text.slice(at)].join('')
}
