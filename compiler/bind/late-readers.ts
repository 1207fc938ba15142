// Transforms that read columns which only data can tell → warnings about what does not fit those of the last outputs. The
// next output may have others, so that nothing is decided by these columns: execution binds the query again.

import { sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { columnsFingerprint } from '../../runtime/contract/manifest.ts'
import type { Relation } from '../ports.ts'
import type { Output, World } from './bound-node.ts'
import { type DescribeError, mistake } from './mistakes.ts'
import { type Described, relationOf, statementTexts } from './outputs.ts'

interface Reader {
  readonly one: Described
  readonly relations: readonly Relation[]
  readonly key: string
  /** Inputs whose columns are those of their last output. */
  readonly late: readonly string[]
}

/** `described` holds inputs before readers; `outputs` every node that is bound. */
export async function lateReaderMistakes(
  described: readonly Described[],
  outputs: ReadonlyMap<string, Output>,
  version: string,
  world: World,
): Promise<readonly Diagnostic[]> {
  const readers = readersOf(described, outputs, version, world.lastOutputs ?? {})
  const missing = readers.filter(({ key }) => world.cache.get(key) === undefined)
  const requests = missing.map(({ one, relations }) => ({ statements: statementTexts(one.node), relations }))
  const answers = requests.length === 0 ? [] : await (await world.engine()).describe(requests)
  const errors = new Map<string, DescribeError | null>()
  for (const [i, { key }] of missing.entries()) {
    const answer = answers[i]
    const error = answer?.kind === 'error' ? answer : null
    errors.set(key, error)
    world.cache.set(key, error)
  }
  return readers.flatMap(({ one, relations, key, late }) => {
    const error = errors.get(key) ?? (world.cache.get(key) as DescribeError | null | undefined)
    if (error == null) return []
    const found = mistake(one.node, error, relations)
    const whose = late.map((id) => `'${id}'`).join(', ')
    const hint = `Only data can tell the columns of ${whose}: these are those of the last output, and the next may have others.`
    return [{ ...found, severity: 'warning', hints: [...found.hints, hint] }]
  })
}

/** Those all of whose inputs have columns, known or of an output that was made by the SQL of now. */
function readersOf(
  described: readonly Described[],
  outputs: ReadonlyMap<string, Output>,
  version: string,
  last: NonNullable<World['lastOutputs']>,
): readonly Reader[] {
  const readers: Reader[] = []
  if (described.every(({ output }) => output.columns !== null)) return readers
  const relations = new Map<string, Relation>()
  for (const one of described) {
    const { node, output } = one
    const late = node.inputs.filter((id) => outputs.get(id)?.columns === null)
    const read = node.inputs.flatMap((id) => {
      const known = outputs.get(id)
      return relations.get(id) ?? (known && relationOf(id, known)) ?? []
    })
    if (read.length < node.inputs.length || node.postgresql !== undefined) continue
    const columns = last[node.id]?.sql === node.sql.text ? last[node.id]?.columns : undefined
    const [schema = '', name = ''] = node.id.split('.')
    if (output.columns === null && columns !== undefined) relations.set(node.id, { schema, name, columns })
    if (late.length === 0) continue
    const inputs = read.map((relation) => columnsFingerprint(relation.columns))
    const key = `bind.last ${sha256([version, ...inputs, ...statementTexts(node)].join('\n'))}`
    readers.push({ one, relations: read, key, late })
  }
  return readers
}
