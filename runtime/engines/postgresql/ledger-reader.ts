// The ledger's rows of one project → data, and what a command adds to them.

import type { Fingerprint } from '../../contract/ids.ts'
import type {
  LedgerGeneration,
  LedgerReader,
  LedgerState,
  LedgerSwitch,
  LedgerView,
  ReportOf,
} from '../../contract/ledger.ts'
import type { TargetWrite, TargetWrites } from '../../contract/state.ts'
import type { Ledger } from './ledger.ts'

const EMPTY: LedgerState = {
  current: null,
  engine: null,
  generations: new Map(),
  switches: [],
  environments: new Map(),
  targets: new Map(),
  targetsText: null,
}

interface StateRow {
  readonly current: number | null
  readonly engine: string | null
  readonly generations: readonly (readonly [number, string])[]
  readonly switches: readonly LedgerSwitch[]
  readonly targets_text: string | null
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly targets: readonly (readonly [environment: string, step: string, write: StoredWrite])[]
}

type StoredWrite = Omit<TargetWrite, 'connection' | 'place'>

/** One question, so that all of it is of one moment. */
const STATE = `SELECT jsonb_build_object(
  'current', p.generation,
  'engine', (SELECT substring(g.manifest from '\n  "engine": "([^"]*)"') FROM seeknal.generations g WHERE g.project = p.project AND g.number = p.generation),
  'generations', (SELECT coalesce(jsonb_agg(jsonb_build_array(g.number, encode(sha256(convert_to(g.record, 'UTF8')), 'hex')) ORDER BY g.number), '[]')
    FROM seeknal.generations g WHERE g.project = p.project),
  'targets_text', p.targets,
  'switches', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', s.at, 'kind', s.kind, 'from', s.from_generation, 'to', s.to_generation, 'run_id', s.run_id) ORDER BY s.id), '[]')
    FROM seeknal.switches s WHERE s.project = p.project),
  'environments', (SELECT coalesce(jsonb_object_agg(e.name, e.documents), '{}') FROM seeknal.environments e WHERE e.project = p.project),
  'targets', (SELECT coalesce(jsonb_agg(jsonb_build_array(t.environment, t.step, jsonb_build_object('node', t.node, 'relation', t.schema_name || '.' || t.table_name,
      'schema', t.schema_name, 'table', t.table_name, 'content', t.content, 'created', t.created, 'rows', t.rows, 'run_id', t.run_id, 'written_at', t.written_at)) ORDER BY t.environment, t.step), '[]')
    FROM seeknal.targets t WHERE t.project = p.project)
)::text AS state FROM seeknal.projects p WHERE p.project = $1`

/** `place`: stands for the database of the ledger, wherever the connection finds it. */
export const readerOf = (ledger: Ledger, place: Fingerprint): LedgerReader => ({
  async state() {
    if (!ledger.isMade) return EMPTY
    const [row] = await ledger.ask(STATE, [ledger.project])
    if (row?.state == null) return EMPTY
    // Written by this program only, in the form of the query above.
    const found = JSON.parse(row.state) as StateRow
    return {
      current: found.current,
      engine: found.engine,
      generations: new Map(found.generations),
      switches: found.switches,
      targetsText: found.targets_text,
      environments: new Map(Object.entries(found.environments)),
      targets: targetsOf(found.targets, ledger.session.connection.name, place),
    }
  },
  async generations(numbers) {
    if (numbers.length === 0) return []
    const rows = await ledger.ask(
      'SELECT number, manifest, run_state, record, bundle FROM seeknal.generations WHERE project = $1 AND number = ANY ($2::bigint[])',
      [ledger.project, `{${numbers.join(',')}}`],
    )
    return rows.map(
      ({ number, manifest, run_state, record, bundle }): LedgerGeneration => ({
        number: Number(number),
        manifest: manifest ?? '',
        run_state: run_state ?? '',
        record: record ?? '',
        bundle: bundle ?? '',
      }),
    )
  },
  async bundles(digests) {
    if (digests.length === 0) return new Map()
    const rows = await ledger.ask(
      'SELECT digest, files::text AS files FROM seeknal.bundles WHERE project = $1 AND digest = ANY ($2::text[])',
      [ledger.project, `{${digests.join(',')}}`],
    )
    return new Map(
      rows.map(({ digest, files }) => [
        digest ?? '',
        new Map(Object.entries(JSON.parse(files ?? '{}') as Record<string, string>)),
      ]),
    )
  },
})

function targetsOf(
  rows: StateRow['targets'],
  connection: string,
  place: Fingerprint,
): ReadonlyMap<string, TargetWrites> {
  const found = new Map<string, Record<string, TargetWrite>>()
  for (const [environment, step, write] of rows) {
    const own = found.get(environment) ?? {}
    own[step] = { ...write, connection, place }
    found.set(environment, own)
  }
  return new Map(
    [...found].map(([environment, tables]) => [environment, { format: 'seeknal.targets/1', tables, schemas: [] }]),
  )
}

/** Keeps a bundle under its digest. */
export async function keepInLedger(ledger: Ledger, digest: string, files: ReadonlyMap<string, string>): Promise<void> {
  await ledger.ask(
    'INSERT INTO seeknal.bundles (project, digest, files) VALUES ($1, $2, $3::jsonb) ON CONFLICT DO NOTHING',
    [ledger.project, digest, JSON.stringify(Object.fromEntries(files))],
  )
}

/** Production's views, or those of an environment. */
export async function viewsIn(ledger: Ledger, environment: string | null): Promise<readonly LedgerView[]> {
  if (!ledger.isMade) return []
  const [row] =
    environment === null
      ? await ledger.ask('SELECT seeknal.views_now($1)::text AS views', [ledger.project])
      : await ledger.ask('SELECT seeknal.views_of($1, $2)::text AS views', [ledger.project, environment])
  return JSON.parse(row?.views ?? '[]') as readonly LedgerView[]
}

/** Keeps report.md of an environment. */
export async function keepReport(ledger: Ledger, environment: string, text: string, of: ReportOf): Promise<void> {
  const still =
    of === 'failed'
      ? "(documents->>'env_config.json')::jsonb->>'status' = 'failed' AND $4::text IS NULL"
      : "(documents->>'run_state.json')::jsonb->>'run_id' = $4"
  await ledger.ask(
    `UPDATE seeknal.environments SET documents = documents || jsonb_build_object('report.md', $3::text)
     WHERE project = $1 AND name = $2 AND ${still}`,
    [ledger.project, environment, text, of === 'failed' ? null : of.runId],
  )
}
