// Outputs that are tables of the store, as a run sees them: what the ledger and the catalogue say, asked once before.

import { isOnlyView } from '../contract/manifest.ts'
import { misfits } from '../contract/schema.ts'
import { kindSchema, tableNameOf, viewNameOf } from '../contract/table-steps.ts'
import type { Ledger } from '../engines/postgresql/ledger.ts'
import { StoredOutput } from '../store/snapshots.ts'
import type { Outputs } from './outputs.ts'
import type { Entry } from './world.ts'

/** Names of the tables of the store. */
export async function storedTables(ledger: Ledger): Promise<ReadonlySet<string>> {
  const rows = await ledger.ask(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'seeknal_store' AND c.relkind IN ('r', 'p')`,
  )
  return new Set(rows.map(({ name }) => name ?? ''))
}

/** `shows`: production's schema of what transforms make, where the run shows outputs there; null: it does not. */
export async function tableOutputs(ledger: Ledger, shows: string | null): Promise<Outputs> {
  const tables = await storedTables(ledger)
  const known = await knownOutputs(ledger, tables)
  const dropped = shows === null ? new Set() : await droppedViews(ledger)
  const isShown = ({ id, kind }: Entry['node']): boolean =>
    shows === null || !dropped.has(`${kindSchema(shows, kind)}.${viewNameOf(id)}`)
  const isThere = ({ node, state }: Entry): boolean =>
    isShown(node) && (isOnlyView(node) || tables.has(tableNameOf(node.id, state.snapshot.sha256)))
  return {
    isThere,
    // Tables are there or not: nobody but the database writes them.
    isDamaged: () => false,
    find(node, fingerprint, proof) {
      const proven = known.get(`${node} ${fingerprint}`)
      if (proven !== undefined) return proven
      const own = proof()
      return own === null ? null : (known.get(`${node} ${fingerprint} ${own}`) ?? null)
    },
    isWhole: async () => true,
    hasTable: (name) => tables.has(name),
  }
}

/** What production shows by the ledger, and somebody else has dropped. */
async function droppedViews(ledger: Ledger): Promise<ReadonlySet<string>> {
  if (!ledger.isMade) return new Set()
  const rows = await ledger.ask(
    `SELECT (v->>'schema') || '.' || (v->>'name') AS name FROM jsonb_array_elements(seeknal.views_now($1)) v
     WHERE to_regclass(format('%I.%I', v->>'schema', v->>'name')) IS NULL`,
    [ledger.project],
  )
  return new Set(rows.map(({ name }) => name ?? ''))
}

/** By node and fingerprint, and by the proof that they need. */
async function knownOutputs(ledger: Ledger, tables: ReadonlySet<string>): Promise<ReadonlyMap<string, StoredOutput>> {
  if (!ledger.isMade) return new Map()
  const rows = await ledger.ask(
    'SELECT node, fingerprint, proof, relation, output FROM seeknal.outputs WHERE project = $1',
    [ledger.project],
  )
  const found = rows.flatMap(({ node, fingerprint, proof, relation, output }): [string, StoredOutput][] => {
    if (relation == null || (relation !== '' && !tables.has(relation))) return []
    const value: unknown = JSON.parse(output ?? 'null')
    const key = [node, fingerprint, ...(proof === '' ? [] : [proof])].join(' ')
    return misfits(StoredOutput, value).length > 0 ? [] : [[key, value as StoredOutput]]
  })
  return new Map(found)
}
