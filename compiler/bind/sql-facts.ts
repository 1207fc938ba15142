// Described transforms → what their syntax trees tell: lineage, reproducibility and canonical form. Parsed in batches, the
// next one while the last is read; a few hundred trees are held at a time.

import { otherWork } from '../other-work.ts'
import type { ParseResult, SqlEngine, Tree } from '../ports.ts'
import { canonicalSql, type ParsedStatement } from '../sql/canonical.ts'
import { traceColumns } from '../sql/lineage.ts'
import { reproducibilityOf } from '../sql/reproducibility.ts'
import type { SqlFacts, World } from './bound-node.ts'
import { type Described, statementTexts } from './outputs.ts'

const BATCH = 100

/** Reads facts while the engine describes other transforms: the one works in JavaScript, the other in threads of its own. */
export class FactsReader {
  readonly #world: World
  readonly #fresh = new Map<Described, SqlFacts>()
  #waiting: readonly Described[] = []
  /** Of the last batch: that its trees are read by now, and that they were. */
  #begun: Promise<unknown> = Promise.resolve()
  #done: Promise<unknown> = Promise.resolve()

  constructor(world: World) {
    this.#world = world
  }

  add(described: readonly Described[]): void {
    this.#waiting = [...this.#waiting, ...described.filter(({ facts }) => facts === null)]
    while (this.#waiting.length >= BATCH) this.#start()
  }

  /** Facts of all that was added, in this order. Those that the cache did not have are put into it, with the output. */
  async of(described: readonly Described[]): Promise<readonly SqlFacts[]> {
    if (this.#waiting.length > 0) this.#start()
    await this.#done
    return described.flatMap((one) => one.facts ?? this.#fresh.get(one) ?? [])
  }

  /** Throws an error once nothing is asked of the engine any more, which whoever catches it may close. */
  readonly afterwards = async (error: unknown): Promise<never> => {
    await this.#done.catch(() => {})
    throw error
  }

  /** Parses the next batch as soon as the one before is read. */
  #start(): void {
    const batch = this.#waiting.slice(0, BATCH)
    this.#waiting = this.#waiting.slice(BATCH)
    const parsed = this.#begun.then(async () => parsedStatements(batch, await this.#world.engine()))
    const begun = Promise.all([parsed, this.#done])
    this.#begun = begun
    this.#done = begun.then(([statements]) => this.#read(batch, statements))
    // `of` says what went wrong.
    this.#done.catch(() => {})
  }

  async #read(batch: readonly Described[], statements: readonly (readonly ParsedStatement[])[]): Promise<void> {
    const { cache, engine } = this.#world
    const volatileFunctions = await volatileNames(await engine(), this.#world)
    for (const [i, one] of batch.entries()) {
      const found = factsOf(one, statements[i] ?? [], volatileFunctions)
      this.#fresh.set(one, found)
      const { columns, columnsFingerprint, casts } = one.output
      cache.set(one.key, { columns, columnsFingerprint, casts, ...found })
      await otherWork()
    }
  }
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
