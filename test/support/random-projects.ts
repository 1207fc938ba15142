// Small random projects of two sources and a few transforms, and random edits of them: test/support/random-queries.ts
// applied to a graph. A seed and its salts always give the same project.

import type { MemoryNode, MemoryProject } from './memory-project.ts'
import { Decisions, type Salts } from './random-expressions.ts'
import { queryOf, type RandomRelation } from './random-queries.ts'

export const SOURCES: readonly RandomRelation[] = [
  {
    name: 'source.t0',
    columns: [
      { name: 'k', type: 'INTEGER' },
      { name: 'a', type: 'INTEGER' },
      { name: 'b', type: 'INTEGER' },
      { name: 'c', type: 'VARCHAR' },
      { name: 'd', type: 'DOUBLE' },
      { name: 'e', type: 'DATE' },
      { name: 'l', type: 'INTEGER[]' },
      { name: 's', type: 'STRUCT(x INTEGER, y VARCHAR)' },
    ],
    key: ['k'],
  },
  {
    name: 'source.t1',
    columns: [
      { name: 'k', type: 'INTEGER' },
      { name: 'a', type: 'INTEGER' },
      { name: 'c', type: 'VARCHAR' },
      { name: 'f', type: 'BOOLEAN' },
      { name: 'e', type: 'DATE' },
    ],
    key: ['k'],
  },
]

const TRANSFORMS = 4

export interface RandomProject {
  readonly project: MemoryProject
  /** Where something was decided: an edit gives one of them another salt. */
  readonly paths: readonly string[]
}

export function randomProject(seed: number, salts: Salts): RandomProject {
  const relations = [...SOURCES]
  const paths = new Set<string>()
  const nodes: Record<string, MemoryNode> = Object.fromEntries(
    SOURCES.map(({ name, columns }) => [name, { columns: Object.fromEntries(columns.map((c) => [c.name, c.type])) }]),
  )
  for (let n = 1; n <= TRANSFORMS; n++) {
    const decisions = new Decisions(seed, salts, `n${n}`)
    const transforms = relations.slice(SOURCES.length)
    const { sql, columns, key } = queryOf(decisions, [...transforms, ...transforms, ...SOURCES], 1)
    const name = `transform.n${n}`
    nodes[name] = { sql }
    relations.push({ name, columns, key })
    for (const path of decisions.visited) paths.add(path)
  }
  return { project: { nodes }, paths: [...paths] }
}

/** One or two other salts. */
export function editedSalts(decisions: Decisions, salts: Salts, paths: readonly string[]): Salts {
  const edited = new Map(salts)
  const count = 1 + decisions.below('count', 2)
  for (let i = 0; i < count; i++) edited.set(decisions.pick(`path${i}`, paths), 1 + decisions.below(`salt${i}`, 1000))
  return edited
}
