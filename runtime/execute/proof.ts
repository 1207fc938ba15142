// What a step really does, as a digest: its text as production has it, prelude, settings, columns, and the files that it reads.
// The fingerprints of a bundle that was not compiled here are only its own words, so an output that it made is taken for
// another bundle's only where this digest is the same too. Pure. Rule: FORMAT.md, "Outputs of foreign bundles".

import type { BundleFile, NamespaceSpan, Step } from '../contract/bundle.ts'
import { fingerprintOf, sha256 } from '../contract/canonical-json.ts'
import { asFingerprint, type Fingerprint, type NodeId } from '../contract/ids.ts'
import type { Snapshot } from '../contract/state.ts'
import { quotedRanges, type TextRange } from '../engines/duckdb/split-statements.ts'
import type { World } from './world.ts'

/** An output as it is read: which node, and which file; null: not known yet. */
export type ReadFile = readonly [node: string, snapshot: Pick<Snapshot, 'sha256'> | null]

/**
 * Null when a file is not known yet. A text that cannot be told from production's proves nothing to others: then it is
 * the bundle's digest.
 */
export function stepProof(world: World, id: NodeId, files: readonly ReadFile[]): Fingerprint | null {
  const { bundle, contract, nodes, steps } = world
  const step = steps.get(id)
  const text = step && bundle.files.get(step.file)
  const inputs = files.flatMap(([node, snapshot]) => (snapshot === null ? [] : [[node, snapshot.sha256]]))
  if (inputs.length < files.length) return null
  const sql = step && text !== undefined ? productionText(contract, step, text) : null
  if (sql === null) return asFingerprint(contract.digest)
  const prelude = sha256(bundle.files.get('prelude.sql') ?? '')
  const columns = nodes.get(id)?.columns?.map(({ name, type }) => [name, type]) ?? null
  const asked = step?.extract && {
    extract: sha256(bundle.files.get(step.extract.file) ?? ''),
    connection: step.extract.connection,
  }
  return fingerprintOf({ sql: sha256(sql), prelude, settings: contract.settings, columns, inputs, ...asked })
}

/** The step's text without the environment's prefix; null when the bundle lists a place where no prefix may stand. */
export function productionText(contract: BundleFile, step: Step, text: string): string | null {
  const spans = contract.namespaces.filter((span) => span.file === step.file)
  if (spans.length === 0) return text
  // One character a byte, as `start` counts; names and the words around them are ASCII.
  const bytes = Buffer.from(text).toString('latin1')
  const rebuilt = step.inputs.filter((input) => input.from === 'bundle').map((input) => input.node)
  const quoted = quotedRanges(bytes)
  const parts: string[] = []
  let at = 0
  for (const span of spans) {
    if (contract.prefix === '' || span.text !== contract.prefix || span.start < at) return null
    if (!mayStand(bytes, span, rebuilt, quoted)) return null
    parts.push(bytes.slice(at, span.start))
    at = span.start + span.text.length
  }
  return Buffer.from([...parts, bytes.slice(at)].join(''), 'latin1').toString()
}

/** Whether the prefix is there, before the name of a root or before the schema of an input that the bundle makes. */
function mayStand(
  bytes: string,
  { start, text }: NamespaceSpan,
  rebuilt: readonly string[],
  quoted: readonly TextRange[],
): boolean {
  if (!Number.isInteger(start) || bytes.slice(start, start + text.length) !== text) return false
  const before = bytes.slice(Math.max(0, start - CREATE_SCHEMA.length), start)
  const after = bytes.slice(start + text.length)
  const around = quoted.find((range) => range.start < start && start < range.end)
  if (around !== undefined) {
    const isWhole = around.start === start - 1
    if (isWhole && before.endsWith("getvariable('") && after.startsWith("outputs')")) return true
    if (!isWhole || !before.endsWith('"')) return false
  }
  return rebuilt.some((id) => {
    const [kind = '', name = ''] = id.split('.')
    if (before === CREATE_SCHEMA && after.startsWith(`${kind};`)) return true
    return new RegExp(`^${kind}"?\\s*\\.\\s*"?${name}(?!\\w)`, 'i').test(after)
  })
}

const CREATE_SCHEMA = 'CREATE SCHEMA IF NOT EXISTS '
