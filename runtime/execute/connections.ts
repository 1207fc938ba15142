// The connections that a run needs are looked up before it begins: one that the profile does not give ends it at once, not
// after hours of work. Reports PROFILE_INVALID.

import { RuntimeFailure } from '../contract/failures.ts'
import type { NodeId } from '../contract/ids.ts'
import { isDue, type Prediction } from './plan.ts'
import type { ExecuteOptions } from './run.ts'
import type { World } from './world.ts'

/** A step whose database cannot be reached, as the profile is now. */
export interface Unconnected {
  readonly node: NodeId
  /** Its id. */
  readonly step: string
  readonly failure: RuntimeFailure
}

/** In graph order. */
export function unconnected(world: World, predictions: ReadonlyMap<NodeId, Prediction>): readonly Unconnected[] {
  const failureOf = remembered(world.connection)
  return [...predictions.values()].filter(isDue).flatMap(({ id, targets }) => {
    const source = world.steps.get(id)
    const written = (world.targets.get(id) ?? []).filter(({ relation }) => targets.includes(relation))
    const needed = [
      ...(source?.extract === undefined
        ? []
        : [{ step: source.id, connection: source.extract.connection, what: 'it cannot be read' }]),
      ...written.map(({ id: step, connection, relation }) => ({
        step,
        connection,
        what: `${relation} cannot be written`,
      })),
    ]
    return needed.flatMap(({ step, connection, what }): Unconnected[] => {
      const failure = failureOf(connection)
      if (failure === null) return []
      const { code, message, facts, hints } = failure
      const own = new RuntimeFailure(
        code,
        `${what}: ${message}`,
        { ...facts, node: id, step },
        { cause: failure, hints },
      )
      return [{ node: id, step, failure: own }]
    })
  })
}

/** What `ask` throws for a name, asked once a name; null: it throws nothing. */
function remembered(ask: (name: string) => unknown): (name: string) => RuntimeFailure | null {
  const known = new Map<string, RuntimeFailure | null>()
  return (name) => {
    const before = known.get(name)
    if (before !== undefined) return before
    let failure: RuntimeFailure | null = null
    try {
      ask(name)
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      failure = error
    }
    known.set(name, failure)
    return failure
  }
}

/** Thrown before anything is executed; names all of them. */
export class UnconnectedFailure extends RuntimeFailure {
  readonly all: readonly Unconnected[]

  constructor(all: readonly Unconnected[]) {
    const lines = all.map(({ node, failure }) => `${node}: ${failure.message}`)
    const unconnected = all.map(({ node, step, failure }) => ({ node, step, message: failure.message }))
    const hints = new Set(all.flatMap(({ failure }) => failure.hints))
    super('PROFILE_INVALID', [...lines, 'Nothing was executed.'].join('\n'), { unconnected }, { hints: [...hints] })
    this.all = all
  }
}

/** Not of a run that goes on with what does not fail. */
export function requireConnections(
  world: World,
  predictions: ReadonlyMap<NodeId, Prediction>,
  { continueOnError = false }: Pick<ExecuteOptions, 'continueOnError'>,
): void {
  if (continueOnError) return
  const all = unconnected(world, predictions)
  if (all.length > 0) throw new UnconnectedFailure(all)
}
