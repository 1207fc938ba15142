// The last compile and the files of nodes that have another text now → the files to compile, and what is taken over of the
// nodes outside. First these files alone, which does while their nodes have the columns that they had: nothing else of a
// node is seen by its readers but its version. Then those of all that reads them, too. Null: everything has to be compiled.
// The result is the same, byte for byte: a pass takes from a node outside only what the manifest says of it, and what cannot
// be taken over so (tables of databases, columns that only data can tell) is never outside.

import { rememberAs, rememberItems } from '../../runtime/contract/canonical-json.ts'
import { isDatabaseEngine } from '../../runtime/contract/engines.ts'
import { asFingerprint, asNodeId } from '../../runtime/contract/ids.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { sameJson } from '../diff/pairs.ts'
import { isSql, kindOf } from '../load/file-kinds.ts'
import type { KeptStep, Outside } from '../outside.ts'
import type { PrefixSpan } from '../rewrite/marks.ts'
import type { Validated } from '../validate.ts'
import { tellVersions } from '../versions.ts'
import type { Kept, Last, Observed } from './kept.ts'
import { readersOf } from './reach.ts'
import { withVersions } from './renewed-items.ts'

export interface Cone {
  /** Whether a file of the project is compiled. */
  readonly holds: (path: string) => boolean
  readonly outside: Outside
  /** What was asked of sources outside. */
  readonly observed: readonly Observed[]
}

/** Files whose diagnostics a compile of the cone gives anew. */
const isAlwaysRead = (path: string): boolean => kindOf(path) !== 'node'

/** `reach`: what is compiled besides the changed files. */
export function coneOf(last: Last, changed: ReadonlySet<string>, reach: 'nothing' | 'readers'): Cone | null {
  const files = reach === 'nothing' ? changed : filesOfCone(last.nodes, changed)
  const holds = (path: string): boolean => files.has(path) || isAlwaysRead(path)
  const outside = last.manifest.nodes.filter((node) => !files.has(node.file))
  // Several nodes may share a file of SQL: whose diagnostics stand in it is not known.
  const isPlain = outside.every(isTakenOver) && !last.diagnostics.some(({ place }) => isSql(place.file))
  if (!isPlain || isDatabaseEngine(last.contract.engine.name)) return null
  const ids = new Set(outside.map((node) => node.id))
  const inside = new Map<string, ManifestNode>(
    last.manifest.nodes.flatMap((node) => (ids.has(node.id) ? [] : [[node.id, node]])),
  )
  return {
    holds,
    observed: last.observed.filter(([request]) => !inside.has(request.node)),
    outside: {
      records: recordsOf(outside, last),
      steps: stepsOf(ids, last),
      lock: Object.fromEntries(Object.entries(lockOf(last)).filter(([id]) => !inside.has(id))),
      diagnostics: last.diagnostics.filter(({ place }) => !holds(place.file)),
      fits: ({ nodes, unsupported }) =>
        unsupported.length === 0 && nodes.length === inside.size && nodes.every(({ id }) => inside.has(id)),
      isSeenAsBefore: ({ bound }) =>
        reach === 'readers' || [...bound].every(([id, { columns }]) => sameJson(columns, inside.get(id)?.columns)),
      written: writtenAs(last),
      types: (manifest) =>
        manifest.nodes.every((node) => ids.has(node.id) || sameType(node, inside.get(node.id)))
          ? last.texts.get('types.ts')
          : undefined,
      digestOf: (path, text) => {
        const digest = last.texts.get(path) === text ? last.contract.files[path] : undefined
        return digest === undefined ? undefined : asFingerprint(digest)
      },
    },
  }
}

/** The changed ones, and those of every node that reads a node of them, through however many. */
function filesOfCone(nodes: Kept['nodes'], changed: ReadonlySet<string>): ReadonlySet<string> {
  const places = nodes.flatMap(([, file], place) => (changed.has(file) ? [place] : []))
  return new Set([...changed, ...readersOf(places, nodes).flatMap((place) => nodes[place]?.[1] ?? [])])
}

const isTakenOver = (node: ManifestNode): boolean =>
  node.columns !== null && node.targets === undefined && node.source_table === undefined && node.dialect === undefined

/** The records as they were before anything was carried over. */
function recordsOf(outside: readonly ManifestNode[], { fresh }: Last): Outside['records'] {
  const before = new Map(fresh.map((record) => [record.id, record]))
  const records = new Map(
    outside.map((node) => {
      const other = before.get(node.id)
      return [asNodeId(node.id), other === undefined ? node : { ...node, ...other }] as const
    }),
  )
  tellVersions(records)
  return records
}

function stepsOf(ids: ReadonlySet<string>, { contract, texts, cleanups, byHand }: Last): Outside['steps'] {
  const spans = new Map<string, (typeof contract.namespaces)[number][]>()
  for (const span of contract.namespaces) spans.set(span.file, [...(spans.get(span.file) ?? []), span])
  const steps = contract.steps.flatMap(({ id, kind, node, file, inputs }): (readonly [string, KeptStep])[] => {
    const sql = texts.get(file)
    if (sql === undefined || !ids.has(node)) return []
    const cleanup = cleanups[id]
    const step = {
      ...{ id, kind, node: asNodeId(node), sql, spans: inCharacters(sql, spans.get(file) ?? []) },
      ...(cleanup === undefined ? {} : { cleanup }),
      ...(byHand[id] === undefined ? {} : { byHand: byHand[id] }),
    }
    return [[id, { step, inputs }]]
  })
  return new Map(steps)
}

/** Offsets in bytes of the file → in UTF-16 code units of its text. */
function inCharacters(sql: string, spans: Last['contract']['namespaces']): readonly PrefixSpan[] {
  const bytes = spans.length === 0 ? null : Buffer.from(sql)
  return spans.map(({ file: _, start, ...span }) => ({
    ...span,
    start: bytes === null || bytes.length === sql.length ? start : bytes.toString('utf8', 0, start).length,
  }))
}

function lockOf({ lock }: Last): Validated['lock'] {
  // Written by lockText.
  const { sources }: { readonly sources: Validated['lock'] } = JSON.parse(lock ?? '{"sources":{}}')
  return sources
}

/** The manifest with each node as it was, where that says the same. */
function writtenAs({ texts, manifest: last }: Last): Outside['written'] {
  return (manifest) => {
    rememberItems(texts.get('manifest.json') ?? '', 'nodes', last.nodes)
    const known = new Map(last.nodes.map((node) => [node.id, node]))
    const nodes = manifest.nodes.map((node) => {
      const was = known.get(node.id)
      if (was === undefined) return node
      if (sameJson(was, node)) return was
      rememberAs(node, was, (text) => renewed(text, was, node))
      return node
    })
    return { ...manifest, nodes }
  }
}

/** `text` of `was` as that of a node which differs in nothing but the versions of its inputs; null: it differs in more. */
function renewed(text: string, was: ManifestNode, node: ManifestNode): string | null {
  const versions = new Map(node.inputs.map(({ ref, fingerprint }) => [ref, fingerprint]))
  const inputs = was.inputs.map((edge) => ({ ...edge, fingerprint: versions.get(edge.ref) ?? edge.fingerprint }))
  return sameJson({ ...was, inputs }, node) ? withVersions(text, versions).text : null
}

/** Whether both have one interface. */
const sameType = (a: ManifestNode, b: ManifestNode | undefined): boolean =>
  a.description === b?.description && sameJson(a.columns, b?.columns)
