// A node of an engine that is a database → what is not built for such an engine yet, and targets that would be tables of ours
// or views of outputs. Pure. Reports VALIDATE_NOT_SUPPORTED_YET, VALIDATE_NAME, BIND_TARGET_SHARED.

import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import { isOwnSchema, kindSchema, viewNameOf } from '../../runtime/contract/table-steps.ts'
import { relationOf, type Target } from '../../runtime/contract/targets.ts'
import { errorAt } from '../diagnostic-codes.ts'
import { isTable, type ResolvedNode, type ResolvedTable } from '../resolve.ts'

interface DatabasePlace {
  readonly schema: string
  readonly connection: string | null
}

export function databaseRefusals(
  node: ResolvedNode,
  nodes: readonly ResolvedNode[],
  engine: DatabasePlace,
): readonly Diagnostic[] {
  return [
    ...(isTable(node) ? tableRefusals(node) : []),
    ...node.node.targets.flatMap(({ target, place }) => targetRefusal(node, nodes, target, place, engine) ?? []),
  ]
}

function tableRefusals(node: ResolvedTable): Diagnostic[] {
  const refuse = (message: string, hint: string): Diagnostic =>
    errorAt('VALIDATE_NOT_SUPPORTED_YET', node.node.readPlace, message, { facts: { node: node.id }, hints: [hint] })
  const found: Diagnostic[] = []
  if (node.after !== undefined)
    found.push(
      refuse(
        `'${node.id}' reads a table that ${node.after.map((id) => `'${id}'`).join(', ')} writes, which is not supported yet where the engine is a database.`,
        `Read the output itself: ref('${node.after[0] ?? ''}').`,
      ),
    )
  return found
}

function targetRefusal(
  node: ResolvedNode,
  nodes: readonly ResolvedNode[],
  target: Target,
  place: Place,
  { schema, connection }: DatabasePlace,
): Diagnostic | null {
  const { id } = node
  const facts = { node: id }
  if (target.connection !== connection)
    return errorAt(
      'VALIDATE_NOT_SUPPORTED_YET',
      place,
      `A table of another database than the engine is not supported yet: it is written by '${target.connection}', and the engine is '${connection}'.`,
      { facts, hints: ['Name the connection of the engine.'] },
    )
  if (isTable(node))
    return errorAt(
      'VALIDATE_NOT_SUPPORTED_YET',
      place,
      `'${id}' is a table of the database already: writing it to another one is not supported yet where the engine is a database.`,
      { facts, hints: ['Write the output of a transform that reads it.'] },
    )
  if (isOwnSchema(target.schema))
    return errorAt('VALIDATE_NAME', place, `The schema '${target.schema}' is Seeknal's own.`, {
      facts,
      hints: ['Write to another schema.'],
    })
  const other = nodes.find(
    (one) =>
      target.schema === kindSchema(schema, one.id.slice(0, one.id.indexOf('.'))) && target.table === viewNameOf(one.id),
  )
  if (other === undefined) return null
  return errorAt(
    'BIND_TARGET_SHARED',
    place,
    `${relationOf(target, '')} is where the output of '${other.id}' is read already.`,
    { facts: { ...facts, other: other.id }, hints: ['Give the table another name or schema.'] },
  )
}
