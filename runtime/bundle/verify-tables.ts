// What must fit together in a bundle whose engine is a database: each step makes the one view that its node is found by, with
// the texts that the contract knows around one query, and reads files only by a file of its own. Reports BUNDLE_INVALID.

import { type BuildStep, type BundleFile, tableOf } from '../contract/bundle.ts'
import { extractFile } from '../contract/extract.ts'
import { isOnlyView, type ManifestNode } from '../contract/manifest.ts'
import { kindSchema, OWN_SCHEMAS, stepLoadFile, viewNameOf } from '../contract/table-steps.ts'
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
