// Manifest → types.ts: one interface a node for those who consume its output, and `Outputs`, which maps node ids to
// them. The text of an interface is cached by what it says, so that ts-morph (0.4 s to load) is needed only for new ones.

import { createRequire } from 'node:module'
import type { ts as TypeScript } from 'ts-morph'
import { fingerprintOf, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Column, Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import type { CompileCache } from '../ports.ts'
import { propertyName, typescriptType } from './column-types.ts'

type Ts = typeof TypeScript

/** What is printed. */
interface Interface {
  readonly name: string
  readonly about: string
  readonly members: readonly {
    /** In quotes where the language needs them; null: any name. */
    readonly name: string | null
    readonly type: string
    readonly about?: string
  }[]
}

const HEADER = `// What each output of the project holds, one interface a node. Integers beyond 2^53 are bigint; DECIMAL, DATE, TIME,
// TIMESTAMP and INTERVAL are text, so that nothing is lost. Made by seeknal; changes are overwritten.
`

/** Text of types.ts. */
export function typesFile(manifest: Manifest, cache: CompileCache): string {
  // Most edits change no output's columns: then the whole text is known.
  const key = `types/1/${sha256(JSON.stringify(manifest.nodes.map((n) => [n.id, n.description, n.columns])))}`
  const known = cache.get(key)
  if (typeof known === 'string') return known
  const names = interfaceNames(manifest.nodes)
  const interfaces = manifest.nodes.map((node) => interfaceOf(node, names.get(node.id) ?? node.name))
  const texts = printed([...interfaces, index(manifest.nodes, names)], cache)
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

function printed(interfaces: readonly Interface[], cache: CompileCache): string[] {
  const keys = interfaces.map((structure) => `interface/1/${fingerprintOf(structure)}`)
  const known = keys.map((key) => cache.get(key))
  const missing = interfaces.filter((_, i) => typeof known[i] !== 'string')
  const fresh = missing.length === 0 ? [].values() : printAll(missing).values()
  if (missing.length > 0) cache.set(HAS_PRINTED, true)
  return keys.map((key, i) => {
    const cached = known[i]
    if (typeof cached === 'string') return cached
    const text = fresh.next().value ?? ''
    cache.set(key, text)
    return text
  })
}

/** In the cache of a project some of whose interfaces are known: its edits seldom ask for a new one. */
const HAS_PRINTED = 'interface/1'

/** So many that memory counts more than time. */
const MANY_NODES = 2000

/** Loads ts-morph while nothing else is to be done, where it will be asked for: the first compile of a project. */
export function prepareTypes(nodes: number, cache: CompileCache): void {
  if (nodes > MANY_NODES || cache.get(HAS_PRINTED) !== undefined) return
  setImmediate(() => {
    try {
      tsMorph()
    } catch {
      // Printing says what is wrong.
    }
  })
}

/** Loaded as the CommonJS that it is: `import` would read its 10 MB once more, only for the names that it exports. */
const tsMorph = (): typeof import('ts-morph') => createRequire(import.meta.url)('ts-morph')

/** The text of each. Made as syntax trees and printed: structures of ts-morph are parsed again, which takes four times as long. */
function printAll(interfaces: readonly Interface[]): readonly string[] {
  const { ts } = tsMorph()
  const printer = ts.createPrinter({ newLine: ts.NewLineKind.LineFeed })
  const file = ts.createSourceFile('types.ts', '', ts.ScriptTarget.Latest)
  // The printer indents by four columns.
  return interfaces.map((each) => {
    const text = printer.printNode(ts.EmitHint.Unspecified, interfaceTree(ts, each), file)
    return `${text.replace(/^ {4}/gm, '  ')}\n`
  })
}

function interfaceTree(ts: Ts, { name, about, members }: Interface): TypeScript.InterfaceDeclaration {
  const { factory } = ts
  const readonly = [factory.createModifier(ts.SyntaxKind.ReadonlyKeyword)]
  const exported = [factory.createModifier(ts.SyntaxKind.ExportKeyword)]
  // Names and types are texts of this language already.
  const signatures = members.map((member) => {
    const type = factory.createTypeReferenceNode(member.type)
    if (member.name === null) {
      const key = factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword)
      const column = factory.createParameterDeclaration(undefined, undefined, 'column', undefined, key)
      return factory.createIndexSignature(readonly, [column], type)
    }
    const signature = factory.createPropertySignature(readonly, member.name, undefined, type)
    return member.about === undefined ? signature : documented(ts, signature, member.about, '     ')
  })
  const tree = factory.createInterfaceDeclaration(exported, name, undefined, undefined, signatures)
  return documented(ts, tree, about, ' ')
}

/** `margin`: what stands before the star of each further line. */
function documented<T extends TypeScript.Node>(ts: Ts, node: T, text: string, margin: string): T {
  const lines = text.split('\n').map((line) => `${margin}* ${line}`.trimEnd())
  const body = lines.length === 1 ? `* ${text} ` : `*\n${lines.join('\n')}\n${margin}`
  return ts.addSyntheticLeadingComment(node, ts.SyntaxKind.MultiLineCommentTrivia, body, true)
}
