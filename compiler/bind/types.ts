// Type names that people and readers write → the engine's own spelling of the type as an output stores it. Asked of the
// engine once a spelling.

import type { CompileCache, LazySqlEngine } from '../ports.ts'

export interface KnownType {
  readonly type: string
  /** See BoundNode.casts. */
  readonly cast: boolean
}

/**
 * The stored type of each spelling; null for what is no type. Only the engine's own spelling may go into SQL: the text
 * of a person is prepared once, on empty tables, and never executed.
 */
export async function knownTypes(
  spellings: Iterable<string>,
  world: { readonly engine: LazySqlEngine; readonly cache: CompileCache },
): Promise<ReadonlyMap<string, KnownType | null>> {
  const known = new Map<string, KnownType | null>()
  const unknown: string[] = []
  for (const spelling of new Set(spellings)) {
    const cached = world.cache.get(cacheKey(spelling))
    if (cached === undefined) unknown.push(spelling)
    else known.set(spelling, cached as KnownType | null)
  }
  if (unknown.length === 0) return known
  const requests = unknown.map((type) => ({ statements: [`SELECT CAST(NULL AS ${type}) AS c`], relations: [] }))
  const answers = await (await world.engine()).describe(requests)
  for (const [i, spelling] of unknown.entries()) {
    const answer = answers[i]
    const column = answer?.kind === 'columns' && answer.columns.length === 1 ? answer.columns[0] : undefined
    const type =
      column === undefined ? null : { type: column.type, cast: answer?.kind === 'columns' && 'c' in answer.casts }
    known.set(spelling, type)
    world.cache.set(cacheKey(spelling), type)
  }
  return known
}

const cacheKey = (spelling: string): string => `bind.type ${spelling}`
