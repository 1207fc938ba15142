// `seeknal lineage [node[.column]]`: what is up- and downstream, as text, Mermaid or JSON.

import { formatArgument } from '../../runtime/cli/arguments.ts'
import { command } from '../../runtime/cli/command.ts'
import { counted, type Text } from '../../runtime/cli/text.ts'
import { isError, nearest } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import type { Manifest, ManifestNode } from '../../runtime/contract/manifest.ts'
import { compiled, projectErrors } from './compile-project.ts'
import { sayDiagnostics } from './diagnostics.ts'
import { type ColumnTrace, columnTrace } from './lineage-columns.ts'
import { edgesOf, mermaidOf, type Reach, reach } from './lineage-graph.ts'
import { findNode } from './node-argument.ts'
import { PARAMS_ARG, paramsArgument } from './shared-args.ts'
import { openWorkspace } from './workspace.ts'

export const lineage = command({
  about: `Shows where data comes from and where it goes: for the whole project, for one node, or for one column of a node.`,
  examples: [
    ['seeknal lineage transform.daily_revenue', 'up- and downstream of a node'],
    ['seeknal lineage transform.daily_revenue.total_revenue', 'where a column comes from'],
    ['seeknal lineage --format mermaid > lineage.mmd', 'the whole graph as a Mermaid chart'],
  ],
  args: {
    node: { type: 'positional', description: 'node or node.column', required: false },
    column: {
      type: 'string',
      alias: 'c',
      description: 'A column of the node: the same as node.column',
      valueHint: 'name',
    },
    format: { type: 'enum', alias: 'f', options: ['text', 'mermaid', 'json'], description: 'Default: text' },
    ...PARAMS_ARG,
  },
  completes: { node: 'nodes' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const format = formatArgument(args.format, terminal.options.json)
    const wanted = args.node === undefined || args.column === undefined ? args.node : `${args.node}.${args.column}`
    if (args.node === undefined && args.column !== undefined)
      throw new RuntimeFailure('USAGE', "'--column' needs a node.", {})
    const workspace = openWorkspace(surroundings)
    try {
      const params = paramsArgument(args.params)
      const result = await compiled(workspace, { environment: null, past: null, params, stopAfter: 'fingerprint' })
      sayDiagnostics(terminal, result.diagnostics, workspace.files())
      const { manifest } = result
      if (manifest === null || result.diagnostics.some(isError)) throw projectErrors(result.diagnostics)
      const { node, column } = wanted === undefined ? { node: null, column: null } : target(manifest, wanted)
      if (node !== null && column !== null) {
        const trace = columnTrace(manifest, node, column)
        if (format === 'json') terminal.document(trace)
        else if (format === 'mermaid')
          terminal.raw(
            mermaidOf(trace.edges.map((e) => [`${e.from.node}.${e.from.column}`, `${e.to.node}.${e.to.column}`])),
          )
        else for (const line of columnLines(trace)) terminal.result(line)
        return 0
      }
      const found = reach(manifest, node)
      if (format === 'json') terminal.document({ node: node?.id ?? null, ...found, edges: edgesOf(manifest, found) })
      else if (format === 'mermaid') terminal.raw(mermaidOf(edgesOf(manifest, found), node?.id))
      else
        for (const line of node === null ? graphLines(manifest) : nodeLines(manifest, node, found))
          terminal.result(line)
      return 0
    } finally {
      workspace.close()
    }
  },
})

/** `transform.orders`, `orders`, `transform.orders.amount`, `orders.amount`. Throws NODE_NOT_FOUND. */
function target(manifest: Manifest, text: string): { readonly node: ManifestNode; readonly column: string | null } {
  const parts = text.split('.')
  const whole = manifest.nodes.find((node) => node.id === text)
  if (whole !== undefined) return { node: whole, column: null }
  const long = parts.length > 2
  const owner = manifest.nodes.find((node) => (long ? node.id === parts.slice(0, 2).join('.') : node.name === parts[0]))
  if (owner === undefined || parts.length === 1) return { node: findNode(manifest, text), column: null }
  const wanted = parts.slice(long ? 2 : 1).join('.')
  const column = owner.columns?.find((c) => c.name.toLowerCase() === wanted.toLowerCase())
  if (column !== undefined) return { node: owner, column: column.name }
  const near = nearest(wanted, owner.columns?.map((c) => c.name) ?? [])
  const why =
    owner.columns === null
      ? 'its columns are known only after execution'
      : `it has ${owner.columns.map((c) => c.name).join(', ')}`
  throw new RuntimeFailure(
    'NODE_NOT_FOUND',
    `'${owner.id}' has no column '${wanted}'.`,
    { node: owner.id, column: wanted },
    { hints: [near === undefined ? `The node is there; ${why}.` : `Did you mean '${near}'?`] },
  )
}

function nodeLines(manifest: Manifest, node: ManifestNode, found: Reach): readonly Text[] {
  const inputs = new Map(manifest.nodes.map((n) => [n.id, n.inputs.map((i) => i.ref)]))
  const readers = new Map(
    manifest.nodes.map((n) => [
      n.id,
      manifest.nodes.filter((m) => m.inputs.some((i) => i.ref === n.id)).map((m) => m.id),
    ]),
  )
  return [
    node.id,
    `  upstream: ${counted(found.upstream.length, 'node')}`,
    ...tree(node.id, inputs, '    ', new Set()),
    `  downstream: ${counted(found.downstream.length, 'node')}`,
    ...tree(node.id, readers, '    ', new Set()),
  ]
}

/** Each node is unfolded once; where it comes again it is marked with `…`. */
function tree(
  id: string,
  below: ReadonlyMap<string, readonly string[]>,
  indent: string,
  seen: Set<string>,
): readonly Text[] {
  return (below.get(id) ?? []).flatMap((next): readonly Text[] => {
    const known = seen.has(next)
    seen.add(next)
    const more = known && (below.get(next) ?? []).length > 0 ? ' …' : ''
    return [`${indent}${next}${more}`, ...(known ? [] : tree(next, below, `${indent}  `, seen))]
  })
}

const graphLines = (manifest: Manifest): readonly Text[] =>
  manifest.nodes.map((node) =>
    node.inputs.length === 0 ? node.id : `${node.id} ← ${node.inputs.map((input) => input.ref).join(', ')}`,
  )

function columnLines(trace: ColumnTrace): readonly Text[] {
  const line = (edge: ColumnTrace['edges'][number]) =>
    `    ${edge.to.node}.${edge.to.column} ← ${edge.from.node}.${edge.from.column}`
  const [up, down] = [
    trace.edges.filter((e) => e.direction === 'upstream'),
    trace.edges.filter((e) => e.direction === 'downstream'),
  ]
  const isUnknown = trace.unknown.includes(trace.node)
  const above = new Set([trace.node, ...up.map(({ from }) => from.node)])
  const isUnknownBelow = trace.unknown.some((node) => !above.has(node))
  const lines = (edges: ColumnTrace['edges'], isOpen: boolean) =>
    edges.length > 0 ? edges.map(line) : [isOpen ? '    not known' : '    no column of another node']
  return [
    `${trace.node}.${trace.column}`,
    '  comes from:',
    ...lines(up, isUnknown),
    ...(trace.rows.length === 0
      ? []
      : [`  rows decided by: ${trace.rows.map((r) => `${r.node}.${r.column}`).join(', ')}`]),
    '  goes into:',
    ...lines(down, isUnknownBelow),
    ...(trace.unknown.length === 0
      ? []
      : [`  not known: ${trace.unknown.join(', ')} (the columns that they read cannot be told apart)`]),
  ]
}
