// The engine of one run: started when the first step needs it, confined to what the run may touch, interrupted when the
// user says so.

import type { NodeId } from '../contract/ids.ts'
import type { Engine } from '../engine.ts'
import { checkEngine } from '../open.ts'
import type { Prediction } from './plan.ts'
import type { ExecuteOptions } from './run.ts'
import type { Scratch } from './scratch.ts'
import { readablePaths } from './step.ts'
import type { World } from './world.ts'

export interface EngineOfRun {
  get(): Promise<Engine>
  /** Null: it was not needed. */
  version(): string | null
  interrupt(): void
  close(): Promise<void>
}

/** Costs nothing until it is asked for. */
export function lazyEngine(
  world: World,
  scratch: Scratch,
  predictions: ReadonlyMap<NodeId, Prediction>,
  options: ExecuteOptions,
) {
  let starting: Promise<Engine> | undefined
  let running: Engine | undefined
  const start = async (): Promise<Engine> => {
    const run = options.startEngine ?? (await import('../engines/duckdb/engine.ts')).startDuckDB
    const nodes = [...predictions.keys()].flatMap((id) => world.nodes.get(id) ?? [])
    running = await run({
      allowedDirectories: [scratch.outputs, scratch.extracts, scratch.spill],
      allowedPaths: readablePaths(
        world,
        [...predictions.values()].flatMap((p) => p.source ?? []),
        nodes,
      ),
      spillDirectory: scratch.spill,
      settings: world.contract.settings,
      ...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    })
    checkEngine(world.contract, running.version)
    return running
  }
  return {
    get: (): Promise<Engine> => {
      starting ??= start()
      return starting
    },
    version: (): string | null => running?.version ?? null,
    interrupt: (): void => running?.interrupt(),
    close: async (): Promise<void> => running?.close(),
  }
}
