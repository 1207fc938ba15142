// fixtures/edits/*.txt → projects before and after an edit, and what is expected of it. A file begins with the nodes that
// all its cases share; `##` begins a case. Lines of a case, for the project after the edit, with `<` for the one before
// it, with `<>` for both:
//   name: SQL       name: text => other text     name @ {"members": "of the YAML"}     + name := SQL     - name
//   file path := text of another file            (a member that is null goes)
// then what comes out: `= node category: reasons` for each change, `> nodes` that execute (`?`: maybe), and `? nodes` of
// which only the checks run.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MemoryNode, MemoryProject } from './memory-project.ts'

export interface EditCase {
  readonly name: string
  readonly before: MemoryProject
  readonly after: MemoryProject
  readonly expected: readonly string[]
  /** Lines of the case without what is expected. */
  readonly lines: readonly string[]
}

export interface EditFile {
  readonly path: string
  readonly header: string
  readonly cases: readonly EditCase[]
}

/** A line of what comes out. */
const OUTCOME = /^[=>?]/

type Nodes = Readonly<Record<string, MemoryNode>>

const FOLDER = 'fixtures/edits'

export const editFiles = (): readonly EditFile[] =>
  readdirSync(FOLDER)
    .sort()
    .map((name) => readEditFile(join(FOLDER, name)))

function readEditFile(path: string): EditFile {
  const [header = '', ...blocks] = readFileSync(path, 'utf8').split(/^## /m)
  const shared = header.split('\n').reduce<MemoryProject>((project, line) => declared(project, line), { nodes: {} })
  return { path, header, cases: blocks.map((block) => readCase(block, shared)) }
}

function readCase(block: string, shared: MemoryProject): EditCase {
  const [name = '', ...all] = block.trimEnd().split('\n')
  const lines = all.filter((line) => !OUTCOME.test(line))
  const side = (mark: string) => lines.reduce((project, line) => edited(project, line, mark), shared)
  return { name, before: side('<'), after: side('>'), expected: all.filter((line) => OUTCOME.test(line)), lines }
}

const idOf = (name: string): string => (name.includes('.') ? name : `transform.${name}`)

const withNode = (project: MemoryProject, id: string, node: MemoryNode | null): MemoryProject => {
  const { [id]: _, ...others } = project.nodes
  return { ...project, nodes: (node === null ? others : { ...others, [id]: node }) satisfies Nodes }
}

/** `name := SQL` or `source.name (column TYPE, …)`. */
function declared(project: MemoryProject, line: string): MemoryProject {
  const query = line.match(/^(\S+) := (SELECT .*|FROM .*|WITH .*|PIVOT .*)$/)
  if (query) return withNode(project, idOf(query[1] ?? ''), { sql: query[2] ?? '' })
  const source = line.match(/^(source\.\w+) (?::= )?\((.*)\)$/)
  return source ? withNode(project, source[1] ?? '', { columns: columnsOf(source[2] ?? '') }) : project
}

/** `a INTEGER, s STRUCT(p INTEGER, q VARCHAR)` → types by name. */
function columnsOf(list: string): Readonly<Record<string, string>> {
  const columns = list.match(/\w+ (?:[^,(]|\([^)]*\))+/g) ?? []
  return Object.fromEntries(columns.map((c) => [c.slice(0, c.indexOf(' ')), c.slice(c.indexOf(' ') + 1).trim()]))
}

/** The line applied to one side: `<` before, `>` after. */
function edited(project: MemoryProject, line: string, side: string): MemoryProject {
  const file = line.match(/^file (\S+)(?: (<>|<))? := (.*)$/)
  if (file !== null) return withFile(project, file, side)
  const [, name = '', mark = '', sign = '', rest = ''] =
    line.match(/^(\+ |- )?(.*)$/)?.[1] === undefined
      ? (line.match(/^([\w.]+)(?: (<>|<))?( ?[:@])(?:$| (.*)$)/) ?? [])
      : []
  if (line.startsWith('+ ')) return side === '>' ? declared(project, line.slice(2)) : project
  if (line.startsWith('- ')) return side === '>' ? withNode(project, idOf(line.slice(2).trim()), null) : project
  if (/^source\.\w+ := /.test(line)) return side === '>' ? declared(project, line) : project
  if (name === '') {
    if (line.trim() === '') return project
    throw new Error(`what is this: ${line}`)
  }
  const sides = mark === '<' ? '<' : mark === '<>' ? '<>' : '>'
  if (!sides.includes(side)) return project
  return sign.endsWith('@') ? merged(project, name, rest) : rewritten(project, name, rest)
}

function withFile(project: MemoryProject, [, path = '', mark = '>', text = '']: RegExpMatchArray, side: string) {
  return mark.includes(side) ? { ...project, files: { ...project.files, [path]: text } } : project
}

function merged(project: MemoryProject, name: string, json: string): MemoryProject {
  const members: MemoryNode = JSON.parse(json)
  if (name === 'project') return { ...project, project: { ...project.project, ...members } }
  const node = project.nodes[idOf(name)] ?? {}
  const { columns } = node
  const types =
    isMapping(members.columns) && isMapping(columns)
      ? { columns: { ...Object(columns), ...Object(members.columns) } }
      : {}
  return withNode(project, idOf(name), { ...node, ...members, ...types })
}

const isMapping = (value: unknown): boolean => value !== null && typeof value === 'object' && !Array.isArray(value)

function rewritten(project: MemoryProject, name: string, change: string): MemoryProject {
  const id = idOf(name)
  const [from = '', to] = change.split(/ =>(?: |$)/)
  if (to === undefined) return withNode(project, id, { ...project.nodes[id], sql: change })
  const sql = project.nodes[id]?.sql ?? ''
  if (!sql.includes(from)) throw new Error(`'${from}' is not in ${id}: ${sql}`)
  return withNode(project, id, { ...project.nodes[id], sql: sql.replace(from, () => to) })
}

/** The kinds of edits that the best-known tool leaves stale tables after: names of cases in fixtures/edits/traps.txt. */
export const STALE: readonly string[] = [
  'a first aggregate in an ungrouped query',
  'a projection under DISTINCT',
  'a projection in both branches of UNION',
  'a projection in both branches of EXCEPT',
  'a projection in both branches of INTERSECT',
  'a projection under GROUP BY ALL',
  'an inner DISTINCT below a count',
  'a harmless child between a changed parent and a grandchild',
]
