// What must fit together in a bundle whose engine is a database: each step makes the one view that its node is found by, with
// the texts that the contract knows around one query, and reads files only by a file of its own. Reports BUNDLE_INVALID.

import { type BuildStep, type BundleFile, type MaterializeStep, tableOf } from '../contract/bundle.ts'
import { isDatabaseEngine } from '../contract/engines.ts'
import { extractFile } from '../contract/extract.ts'
import { isOnlyView, type ManifestNode } from '../contract/manifest.ts'
import { isOwnSchema, kindSchema, OWN_SCHEMAS, STORED, stepLoadFile, viewNameOf } from '../contract/table-steps.ts'
import type { StoredRows } from '../contract/target-sql.ts'
import { invalidBundle } from './invalid.ts'

/** Throws BUNDLE_INVALID. */
export function requireTable(
  step: BuildStep,
  node: ManifestNode,
  { engine, files, prefix, requires }: BundleFile,
): void {
  const { id } = step
  const { connection, schema } = engine
  const output = tableOf(step)
  if (output === null) throw invalidBundle(`step '${id}' makes a file, and its engine is a database`)
  if (connection === undefined || schema === undefined)
    throw invalidBundle('it does not say which connection and schema its engine has')
  if (!requires.connections.some(({ name }) => name === connection))
    throw invalidBundle(`it uses the connection '${connection}' without saying so`)
  const own = `${prefix}${kindSchema(schema, node.kind)}`
  if (OWN_SCHEMAS.includes(own) || /^pg_|^information_schema$/.test(own))
    throw invalidBundle(`step '${id}' makes a view in the schema '${own}'`)
  if (output.schema !== own || output.name !== viewNameOf(node.id) || output.relation !== `${own}.${output.name}`)
    throw invalidBundle(`step '${id}' makes '${output.relation}'`)
  const isFiles = node.source_files !== undefined
  const table = node.source_table
  const isElsewhere = table !== undefined && table.connection !== connection
  const wanted = isFiles ? 'load' : isElsewhere ? 'copy' : isOnlyView(node) ? 'view' : 'query'
  if (output.made !== wanted || (isElsewhere && isOnlyView(node)))
    throw invalidBundle(`step '${id}' is made as '${output.made}'`)
  requireExtract(step, isElsewhere ? table.connection : undefined, { files, requires })
  if (output.publish !== node.publish)
    throw invalidBundle(`step '${id}' does not publish its output as the manifest says`)
  if (output.load !== (isFiles ? stepLoadFile(id) : undefined))
    throw invalidBundle(`step '${id}' reads other files than '${node.id}'`)
  if (output.load !== undefined && files[output.load] === undefined)
    throw invalidBundle(`step '${id}' has no file that reads its rows`)
}

/** What asks another database: exactly where the rows are there. */
function requireExtract(
  { id, extract }: BuildStep,
  connection: string | undefined,
  { files, requires }: Pick<BundleFile, 'files' | 'requires'>,
): void {
  if (extract?.connection !== connection) throw invalidBundle(`step '${id}' asks another database than its node is in`)
  if (extract === undefined) return
  if (extract.file !== extractFile(id) || files[extract.file] === undefined)
    throw invalidBundle(`step '${id}' has no file that asks its database`)
  if (!requires.connections.some(({ name }) => name === extract.connection))
    throw invalidBundle(`it uses the connection '${extract.connection}' without saying so`)
}

/** A type as format_type() spells it: nothing else gets into a statement. */
const TYPE =
  /^(?:(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")\.)?(?:[a-z_][a-z0-9_$]*(?: [a-z]+)*|"(?:[^"]|"")+")(?:\(-?\d+(?:,-?\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])*$/

/** What a target of the engine's own database is written from; undefined: its rows are sent. Throws BUNDLE_INVALID. */
export function storedRows(
  { id, connection, target: index, types = {} }: MaterializeStep,
  { columns, source_table: table, targets }: ManifestNode,
  { engine, prefix }: BundleFile,
): StoredRows | undefined {
  if (!isDatabaseEngine(engine.name)) {
    if (Object.keys(types).length > 0) throw invalidBundle(`step '${id}' names types of its engine`)
    return undefined
  }
  const target = targets?.[index]
  if (connection !== engine.connection) throw invalidBundle(`step '${id}' writes to another database than the engine`)
  if (table !== undefined) throw invalidBundle(`step '${id}' writes what is no table of the store`)
  if (target !== undefined && isOwnSchema(`${prefix}${target.schema}`))
    throw invalidBundle(`step '${id}' writes to the schema '${target.schema}'`)
  const strange = Object.entries(types).find(
    ([name, type]) => !TYPE.test(type) || columns?.some((column) => column.name === name) !== true,
  )
  if (strange !== undefined) throw invalidBundle(`step '${id}' has a column '${strange[0]}' of an unknown type`)
  return { table: STORED, types }
}
