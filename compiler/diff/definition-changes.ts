// Two records of one node → the reasons that its definition and its descriptions give, without its query and without
// its output columns: inputs, materializations, parameters of a source, settings; and what data does not depend on. Pure.

import { canonicalJson } from '../../runtime/contract/canonical-json.ts'
import type { Reason } from '../../runtime/contract/diff.ts'
import { type ManifestNode, runParameters } from '../../runtime/contract/manifest.ts'
import { serverTypesOf } from '../../runtime/contract/target-types.ts'
import { ownMembers, type Pair, type Pairs, sameJson } from './pairs.ts'
import { type ReasonCode, reason } from './reasons.ts'

/** Members that have reasons of their own: the query, its inputs and the columns. */
const ELSEWHERE: ReadonlySet<string> = new Set(['sql', 'inputs', 'columns', 'not_null'])
const CODES: Readonly<Record<string, ReasonCode>> = {
  format: 'SOURCE_PARAMETER_CHANGED',
  path: 'SOURCE_PARAMETER_CHANGED',
  options: 'SOURCE_PARAMETER_CHANGED',
  connection: 'SOURCE_PARAMETER_CHANGED',
  table: 'SOURCE_PARAMETER_CHANGED',
  query: 'SOURCE_PARAMETER_CHANGED',
  growth: 'SOURCE_PARAMETER_CHANGED',
  settings: 'SETTING_CHANGED',
}

export function definitionReasons({ node, base }: Pair & { readonly base: ManifestNode }, pairs: Pairs): Reason[] {
  const members = ownMembers(base, node).filter((member) => !ELSEWHERE.has(member))
  return [
    ...(node.id === base.id ? [] : [reason('NODE_RENAMED', `renamed from '${base.id}'`)]),
    ...inputReasons(node, base, pairs),
    ...parameterReasons(node, base),
    ...members.flatMap((member) =>
      member === 'materializations'
        ? materializationReasons(listOf(base.definition[member]), listOf(node.definition[member]))
        : member === 'server_types'
          ? serverTypeReasons(node, base)
          : memberReasons(member, base.definition[member], node.definition[member]),
    ),
  ]
}

function inputReasons(node: ManifestNode, base: ManifestNode, pairs: Pairs): Reason[] {
  const before = base.inputs.map((i) => pairs.now(i.ref))
  const now = node.inputs.map((i) => i.ref)
  const removed = before
    .filter((ref) => !now.includes(ref))
    .map((ref) => reason('INPUT_REMOVED', `no longer reads '${ref}'`))
  const added = now.filter((ref) => !before.includes(ref)).map((ref) => reason('INPUT_ADDED', `also reads '${ref}'`))
  const renamed = base.inputs
    .filter((i) => pairs.renamed.has(i.ref))
    .map((i) => reason('INPUT_RENAMED', `its input '${i.ref}' is now called '${pairs.now(i.ref)}'`))
  const stayed = (refs: readonly string[], others: readonly string[]) =>
    refs.filter((ref) => others.includes(ref)).join(', ')
  const reordered = stayed(before, now) !== stayed(now, before)
  return [
    ...removed,
    ...added,
    ...(reordered ? [reason('INPUTS_REORDERED', `inputs stand in another order: ${now.join(', ')}`)] : []),
    ...renamed,
  ]
}

/** Values of the run that the node depends on: with another list of them, what it was made from is not the same. */
function parameterReasons(node: ManifestNode, base: ManifestNode): Reason[] {
  const [before, now] = [runParameters(base), runParameters(node)]
  const added = now.filter((name) => !before.includes(name)).map((name) => `also reads ${name} of the run`)
  const removed = before.filter((name) => !now.includes(name)).map((name) => `no longer reads ${name} of the run`)
  return [...added, ...removed].map((text) => reason('RUN_PARAMETERS_CHANGED', text))
}

/** `delimiter: ',' → ';'` for each value that differs, one level deep. */
function memberReasons(member: string, before: unknown, now: unknown): Reason[] {
  const code = CODES[member] ?? 'DEFINITION_CHANGED'
  // It is there as a digest, which tells people nothing.
  if (member === 'query') return [reason(code, 'its query')]
  const a = mappingOf(before)
  const b = mappingOf(now)
  if (a === null || b === null) return [reason(code, `${member}: ${words(before)} → ${words(now)}`)]
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return keys
    .filter((key) => !sameJson(a[key], b[key]))
    .map((key) => reason(code, `${key}: ${words(a[key])} → ${words(b[key])}`))
}

/** Of columns that have the same type to DuckDB; that of others is another anyway. */
function serverTypeReasons(node: ManifestNode, base: ManifestNode): Reason[] {
  const [before, now] = [serverTypesOf(base), serverTypesOf(node)]
  const types = new Map(base.columns?.map(({ name, type }) => [name, type]))
  return (node.columns ?? [])
    .filter(({ name, type }) => types.get(name) === type && before[name] !== now[name])
    .map(({ name }) => reason('DEFINITION_CHANGED', `${name} on the server: ${before[name]} → ${now[name]}`))
}

/** What identifies a target: another one is not the same target with another option. */
const TARGET: readonly string[] = ['type', 'connection', 'database', 'schema', 'table']
/** What a consumer of the target relies on. */
const KEYS: readonly string[] = ['mode', 'unique_keys', 'null_keys', 'time_column']

function materializationReasons(before: readonly Mapping[], now: readonly Mapping[]): Reason[] {
  const target = (m: Mapping) => canonicalJson(TARGET.map((key) => m[key]))
  const name = (m: Mapping) => words([m.database, m.schema, m.table].filter((part) => part !== undefined).join('.'))
  /** With its connection, where another one has a table of the name. */
  const place = (m: Mapping) => {
    const isElsewhere = [...before, ...now].some(
      (other) => name(other) === name(m) && other.connection !== m.connection,
    )
    return isElsewhere ? `${name(m)} of the connection ${words(m.connection)}` : name(m)
  }
  const old = new Map(before.map((m) => [target(m), m]))
  const kept = new Set(now.map(target))
  const removed = before
    .filter((m) => !kept.has(target(m)))
    .map((m) => reason('MATERIALIZATION_REMOVED', `no longer written to ${place(m)}, which stays as it is`))
  const rest = now.flatMap((m) => {
    const was = old.get(target(m))
    if (was === undefined) return [reason('MATERIALIZATION_ADDED', `also written to ${place(m)}`)]
    const keys = [...new Set([...Object.keys(was), ...Object.keys(m)])].sort()
    return keys
      .filter((key) => !sameJson(was[key], m[key]))
      .map((key) =>
        reason(
          KEYS.includes(key) ? 'MATERIALIZATION_KEY_CHANGED' : 'MATERIALIZATION_CHANGED',
          `${name(m)}: ${key}: ${words(was[key])} → ${words(m[key])}`,
        ),
      )
  })
  return [...removed, ...rest]
}

/** What nothing depends on but people. */
export function descriptionReasons({ node, base }: Pair & { readonly base: ManifestNode }): Reason[] {
  const reasons: Reason[] = []
  if (node.description !== base.description) reasons.push(reason('DESCRIPTION_CHANGED', 'description'))
  if (node.owner !== base.owner)
    reasons.push(reason('OWNER_CHANGED', `owner: ${words(base.owner)} → ${words(node.owner)}`))
  if (!sameJson(node.tags, base.tags))
    reasons.push(reason('TAGS_CHANGED', `tags: ${words(base.tags)} → ${words(node.tags)}`))
  if (node.publish !== base.publish)
    reasons.push(
      reason('PUBLISH_CHANGED', `published as a ${node.publish ?? 'view'} instead of a ${base.publish ?? 'view'}`),
    )
  if (node.file !== base.file) reasons.push(reason('FILE_MOVED', `moved from ${base.file} to ${node.file}`))
  const comments = new Map(base.columns?.map((c) => [c.name, c]))
  for (const column of node.columns ?? []) {
    const was = comments.get(column.name)
    if (was !== undefined && was.description !== column.description)
      reasons.push(reason('COLUMN_COMMENT_CHANGED', `comment of ${column.name}`, column.name))
  }
  if (node.definition.sql === base.definition.sql && node.sql !== base.sql)
    reasons.push(reason('SQL_FORMATTED', 'formatting or comments of the SQL'))
  return reasons
}

type Mapping = Readonly<Record<string, unknown>>

const mappingOf = (value: unknown): Mapping | null =>
  value === undefined
    ? {}
    : value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Mapping)
      : null

function listOf(value: unknown): readonly Mapping[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : []
  return items.map(mappingOf).filter((item) => item !== null)
}

const words = (value: unknown): string =>
  value === undefined || value === null ? 'none' : typeof value === 'string' ? `'${value}'` : canonicalJson(value)
