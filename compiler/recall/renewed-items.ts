// manifest.json after a compile of a few nodes of a project without a past: these as they are now, and all that reads them with
// the new versions of its inputs, in the places of what they were. Nothing else is parsed or written anew. Pure.

import type { Span } from '../../runtime/contract/canonical-json.ts'
import { asFingerprint, type Fingerprint } from '../../runtime/contract/ids.ts'
import { freshEdge, type ManifestInput } from '../../runtime/contract/manifest.ts'
import { nodeSpans, replaced } from './item-texts.ts'
import type { Kept } from './kept.ts'
import type { Part } from './part.ts'
import { readersOf } from './reach.ts'

/** `text` is that of the last manifest, `written` that of the part's now. Null: it is not as it should be. */
export function withRenewed(text: string, nodes: Kept['nodes'], part: Part, written: string): string | null {
  const idOf = (place: number): string => nodes[place]?.[0] ?? ''
  const reached = readersOf(part.inner.keys(), nodes)
  const ids = reached.map(idOf)
  const [spans, own] = [nodeSpans(text, ids), nodeSpans(written, [...part.inner.values()])]
  if (spans.size < ids.length || own.size < part.inner.size) return null
  const before = new Map(part.manifest.nodes.map((node) => [node.id, node]))
  const versions = new Map<string, Fingerprint>()
  const items: [Span, string][] = []
  for (const place of reached) {
    const id = idOf(place)
    const [span, now] = [spans.get(id), own.get(id)]
    const isRead = (nodes[place]?.[2] ?? []).some((input) => versions.has(idOf(input)))
    if (span === undefined || (now === undefined && !isRead)) continue
    const item = withVersions(now === undefined ? sliced(text, span) : sliced(written, now), versions)
    items.push([span, item.text])
    const version = versionIn(item.text, item.inputs)
    const was = now === undefined ? undefined : before.get(id)
    if (was === undefined || freshEdge(was) !== version) versions.set(id, version)
  }
  return replaced(text, items)
}

const sliced = (text: string, { start, end }: Span): string => text.slice(start, end)

const FINGERPRINT_LENGTH = 64
const INPUTS = '\n      "inputs": '
const VERSION = '"fingerprint": "'
const DEFINITION = '\n      "definition_fingerprint": "'

/**
 * The text of a node with these versions of its inputs, by their ids, and these inputs. No text of JSON holds a quote without
 * a backslash before it.
 */
export function withVersions(
  text: string,
  versions: ReadonlyMap<string, string>,
): { readonly text: string; readonly inputs: readonly ManifestInput[] } {
  const start = text.indexOf(INPUTS) + INPUTS.length
  const end = text.startsWith('[]', start) ? start + 2 : text.indexOf('\n      ]', start) + '\n      ]'.length
  const before: readonly ManifestInput[] = JSON.parse(text.slice(start, end))
  const parts: string[] = []
  let [done, at] = [0, start]
  const inputs = before.map((edge) => {
    at = text.indexOf(VERSION, at) + VERSION.length
    const version = versions.get(edge.ref)
    if (version === undefined) return edge
    parts.push(text.slice(done, at), version)
    done = at + version.length
    return { ...edge, fingerprint: version }
  })
  return { text: [...parts, text.slice(done)].join(''), inputs }
}

/** The version of the node with this text and these inputs. */
function versionIn(text: string, inputs: readonly ManifestInput[]): Fingerprint {
  const own = text.indexOf(DEFINITION) + DEFINITION.length
  return freshEdge({
    definition_fingerprint: asFingerprint(text.slice(own, own + FINGERPRINT_LENGTH)),
    inputs: [...inputs],
  })
}
