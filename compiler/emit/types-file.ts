// Manifest → types.ts: one interface a node for those who consume its output, and `Outputs`, which maps node ids to
// them. The text of an interface is cached by what it says, so that the printer is loaded only for new ones.

import { fingerprintOf, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Column, Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import type { CompileCache } from '../ports.ts'
import { propertyName, typescriptType } from './column-types.ts'
import type { Interface } from './printed-interfaces.ts'

const HEADER = `// What each output of the project holds, one interface a node. Integers beyond 2^53 are bigint; DECIMAL, DATE, TIME,
// TIMESTAMP and INTERVAL are text, so that nothing is lost. Made by seeknal; changes are overwritten.
`

/** Text of types.ts. */
export async function typesFile(manifest: Manifest, cache: CompileCache): Promise<string> {
  // Most edits change no output's columns: then the whole text is known.
  const key = `types/1/${sha256(JSON.stringify(manifest.nodes.map((n) => [n.id, n.description, n.columns])))}`
  const known = cache.get(key)
  if (typeof known === 'string') return known
  const names = interfaceNames(manifest.nodes)
  const interfaces = manifest.nodes.map((node) => interfaceOf(node, names.get(node.id) ?? node.name))
  const texts = await printed([...interfaces, index(manifest.nodes, names)], cache)
  const text = [HEADER, ...texts].join('\n')
  cache.set(key, text)
  return text
}

const index = (nodes: readonly ManifestNode[], names: ReadonlyMap<string, string>): Interface => ({
  name: 'Outputs',
  about: 'Every output by the id of its node.',
  members: nodes.map((node) => ({ name: `'${node.id}'`, type: names.get(node.id) ?? 'unknown' })),
})

/** `transform.daily_revenue` → `TransformDailyRevenue`; ids that would share a name keep their own spelling. */
function interfaceNames(nodes: readonly ManifestNode[]): ReadonlyMap<string, string> {
  const pascal = (id: string): string =>
    id
      .split(/[._]/)
      .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
      .join('')
  const uses = new Map<string, number>([['outputs', 1]])
  for (const { id } of nodes) uses.set(pascal(id).toLowerCase(), (uses.get(pascal(id).toLowerCase()) ?? 0) + 1)
  return new Map(
    nodes.map(({ id }) => [id, uses.get(pascal(id).toLowerCase()) === 1 ? pascal(id) : id.replace('.', '_')]),
  )
}

function interfaceOf(node: ManifestNode, name: string): Interface {
  const about = node.description ?? `Output of ${node.id}.`
  if (node.columns !== null) return { name, about: comment(about), members: node.columns.map(property) }
  const late = `${about}\n\nIts columns depend on the data and are known only after a run.`
  return { name, about: comment(late), members: [{ name: null, type: 'unknown' }] }
}

const property = (column: Column) => ({
  name: propertyName(column.name),
  type: column.not_null ? typescriptType(column.type) : `${typescriptType(column.type)} | null`,
  ...(column.description === undefined ? {} : { about: comment(column.description) }),
})

/** Text that cannot end the comment that it stands in. */
const comment = (text: string): string => text.trim().replace(/\r\n?/g, '\n').replaceAll('*/', '*\\/')

async function printed(interfaces: readonly Interface[], cache: CompileCache): Promise<readonly string[]> {
  const keys = interfaces.map((structure) => `interface/1/${fingerprintOf(structure)}`)
  const known = keys.map((key) => cache.get(key))
  const missing = interfaces.filter((_, i) => typeof known[i] !== 'string')
  const fresh = (missing.length === 0 ? [] : await printAll(missing)).values()
  return keys.map((key, i) => {
    const cached = known[i]
    if (typeof cached === 'string') return cached
    const text = fresh.next().value ?? ''
    cache.set(key, text)
    return text
  })
}

async function printAll(interfaces: readonly Interface[]): Promise<readonly string[]> {
  const { printInterfaces } = await import('./printed-interfaces.ts')
  return printInterfaces(interfaces)
}
