// A database that can be put back to how it was.

import { forgetSessions } from './kept-sessions.ts'
import { postgresServer, type TestDatabase } from './postgres.ts'

export interface KeptDatabase {
  /** As often as wanted. Whoever is connected is not any more. */
  restore(): Promise<void>
}

/** Keeps the database as it is now, under a `name` of its own. Whoever is connected is not any more. */
export async function keptDatabase({ database, user }: TestDatabase, name: string): Promise<KeptDatabase> {
  const { admin } = await postgresServer()
  const copy = `${database}_${name}`
  // Files are cheaper to copy than to log. In a copy that was logged, a crash takes sequences back.
  const copied = (from: string) => `TEMPLATE ${from} OWNER ${user} STRATEGY file_copy`
  await forgetSessions(database)
  await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
  await admin(`CREATE DATABASE ${copy} ${copied(database)}`)
  return {
    restore: async () => {
      await forgetSessions(database)
      await admin(`DROP DATABASE ${database} WITH (FORCE)`)
      await admin(`CREATE DATABASE ${database} ${copied(copy)}`)
    },
  }
}
