// Described transforms → what their syntax trees tell: lineage, reproducibility and canonical form. Parsed in batches, the
// next one while the last is read; a few hundred trees are held at a time.

import type { ParseResult, SqlEngine, Tree } from '../ports.ts'
import { canonicalSql, type ParsedStatement } from '../sql/canonical.ts'
import { traceColumns } from '../sql/lineage.ts'
import { reproducibilityOf } from '../sql/reproducibility.ts'
import type { SqlFacts, World } from './bound-node.ts'
import { type Described, statementTexts } from './outputs.ts'

const BATCH = 100

/** Facts in the order of the nodes. Those that the cache did not have are put into it, with the output. */
export async function sqlFacts(described: readonly Described[], world: World): Promise<readonly SqlFacts[]> {
  const missing = described.filter(({ facts }) => facts === null)
  const fresh = missing.length === 0 ? new Map() : await freshFacts(missing, await world.engine(), world)
  return described.flatMap((one) => one.facts ?? fresh.get(one) ?? [])
}

async function freshFacts(
  missing: readonly Described[],
  engine: SqlEngine,
  world: World,
): Promise<ReadonlyMap<Described, SqlFacts>> {
  const volatileFunctions = await volatileNames(engine, world)
  const facts = new Map<Described, SqlFacts>()
  const batchAt = (at: number): readonly Described[] => missing.slice(at, at + BATCH)
  let parsed = parsedStatements(batchAt(0), engine)
  for (let at = 0; at < missing.length; at += BATCH) {
    const statements = await parsed
    parsed = parsedStatements(batchAt(at + BATCH), engine)
    for (const [i, one] of batchAt(at).entries()) {
      const found = factsOf(one, statements[i] ?? [], volatileFunctions)
      facts.set(one, found)
      const { columns, columnsFingerprint, casts } = one.output
      world.cache.set(one.key, { columns, columnsFingerprint, casts, ...found })
    }
  }
  return facts
}

/** Remembered by the cache, which belongs to one version of the engine: to ask its catalogue takes 20 ms. */
async function volatileNames(engine: SqlEngine, { cache }: World): Promise<ReadonlySet<string>> {
  const cached = cache.get('bind.volatile')
  // Written below, by this function only.
  if (cached !== undefined) return new Set(cached as readonly string[])
  const names = await engine.volatileFunctions()
  cache.set('bind.volatile', [...names])
  return names
}

async function parsedStatements(
  described: readonly Described[],
  engine: SqlEngine,
): Promise<readonly (readonly ParsedStatement[])[]> {
  const texts = described.map(({ node }) => statementTexts(node))
  const results = texts.length === 0 ? [] : await engine.parse(texts.flat())
  let at = 0
  return texts.map((list) => list.map((text): ParsedStatement => ({ text, tree: singleTree(results[at++]) })))
}

const singleTree = (result: ParseResult | undefined): Tree | null =>
  result?.kind === 'trees' && result.trees.length === 1 ? (result.trees[0] ?? null) : null

/** Lineage goes through one statement only. */
function factsOf(
  { output, relations }: Described,
  statements: readonly ParsedStatement[],
  volatileFunctions: ReadonlySet<string>,
): SqlFacts {
  const tree = statements.length === 1 ? (statements[0]?.tree ?? null) : null
  const traced =
    tree === null || relations === null || output.columns === null
      ? null
      : traceColumns(tree, relations, output.columns)
  return {
    lineage: traced?.lineage ?? null,
    reproducibility: reproducibilityOf(statements, traced?.floatSums ?? null, volatileFunctions),
    canonicalSql: canonicalSql(statements),
  }
}
