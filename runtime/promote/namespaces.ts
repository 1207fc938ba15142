// An environment's name → refused when what it puts before its schemas could be taken for a namespace of production: the
// schemas of relations, which are the kinds of nodes, and those of targets in databases. Pure. Reports ENVIRONMENT_NAME.
// Rule: design of environments, "Names".

import { RuntimeFailure } from '../contract/failures.ts'
import { type EnvironmentName, namespacePrefix } from '../contract/ids.ts'
import type { Manifest } from '../contract/manifest.ts'

/** Throws ENVIRONMENT_NAME. */
export function requireOwnNamespace(
  environment: EnvironmentName,
  manifests: readonly (Manifest | null)[],
  schemas: readonly string[] = [],
): void {
  const prefix = namespacePrefix(environment)
  const own = manifests.flatMap((manifest) => (manifest === null ? [] : namespaces(manifest)))
  const taken = [...new Set([...own, ...schemas])]
  const other = taken.sort().find((name) => name.startsWith(prefix) || prefix.startsWith(`${name}_`))
  if (other === undefined) return
  throw new RuntimeFailure(
    'ENVIRONMENT_NAME',
    `environment '${environment}' would put '${prefix}' before its schemas, and production has the schema '${other}'`,
    { environment, namespace: other },
    { hints: ['Choose a name of which neither begins the other.'] },
  )
}

const namespaces = ({ nodes }: Manifest): string[] =>
  nodes.flatMap(({ kind, definition }) => [kind, ...tablesOf(definition.materializations).flatMap(schemaOf)])

function tablesOf(materializations: unknown): string[] {
  const targets: readonly unknown[] = Array.isArray(materializations) ? materializations : []
  return targets.flatMap((target) => {
    const { table } = Object(target) as { readonly table?: unknown }
    return typeof table === 'string' ? [table] : []
  })
}

/** Of `schema.table` or `catalog.schema.table`, in small letters without quotes. */
function schemaOf(table: string): string[] {
  const schema = table.split('.').at(-2)
  return schema === undefined ? [] : [schema.replaceAll('"', '').toLowerCase()]
}
