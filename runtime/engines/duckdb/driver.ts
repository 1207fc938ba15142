// DuckDB's client, loaded on first use: it costs 0.1–0.3 s, which commands that run no SQL must not pay.

import { availableParallelism } from 'node:os'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { messageOf, RuntimeFailure } from '../../contract/failures.ts'

export type { DuckDBConnection, DuckDBInstance }

/**
 * Where DuckDB is built with jemalloc, memory that one statement gave back goes to the next one, not to the system for a
 * while (ten seconds in place of one): getting it again page by page costs a twentieth of a large run. Threads share it
 * where there are few. Read once, when the library is loaded; what the user set stays.
 */
function keepFreedMemory(): void {
  const shared = availableParallelism() <= 4 ? ',narenas:1' : ''
  process.env.DUCKDB_JE_MALLOC_CONF ??= `dirty_decay_ms:10000,muzzy_decay_ms:10000${shared}`
}

/** Opens an in-memory database. `config` are DuckDB's start options by name. */
export async function openDatabase(config: Readonly<Record<string, string>> = {}): Promise<DuckDBInstance> {
  try {
    keepFreedMemory()
    const { DuckDBInstance } = await import('./client.ts')
    return await DuckDBInstance.create(':memory:', { ...config })
  } catch (cause) {
    throw new RuntimeFailure(
      'STATE_IO',
      `DuckDB could not be started: ${messageOf(cause)}`,
      {},
      {
        cause,
        hints: [
          'Install the package again with `npm install`; its binaries exist for Linux, macOS and Windows on x64 and arm64.',
        ],
      },
    )
  }
}
