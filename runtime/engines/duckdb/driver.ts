// DuckDB's client, loaded on first use: it costs 0.1–0.3 s, which commands that run no SQL must not pay.

import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { messageOf, RuntimeFailure } from '../../contract/failures.ts'

export type { DuckDBConnection, DuckDBInstance }

/** Opens an in-memory database. `config` are DuckDB's start options by name. */
export async function openDatabase(config: Readonly<Record<string, string>> = {}): Promise<DuckDBInstance> {
  try {
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
