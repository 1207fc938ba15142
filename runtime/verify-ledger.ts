// History in a ledger → whatever does not fit, generation by generation: its documents are those that its record names, its record
// names the one before it, the bundle that made it is there and whole, and the tables of its outputs hold what was noted;
// then the switches, and production's views. One generation and one table at a time. Only reads. What does not hold is data.

import { verify } from './bundle/verify.ts'
import { sha256 } from './contract/canonical-json.ts'
import { messageOf, RuntimeFailure } from './contract/failures.ts'
import type { LedgerGeneration, LedgerState, LedgerView } from './contract/ledger.ts'
import { isOnlyView, Manifest } from './contract/manifest.ts'
import { parseDocument } from './contract/schema.ts'
import { GenerationRecord, type NodeState, RunState } from './contract/state.ts'
import { STORE_SCHEMA, tableNameOf } from './contract/table-steps.ts'
import { viewsIn } from './engines/postgresql/ledger-reader.ts'
import { openSession, type Session } from './engines/postgresql/session.ts'
import { rowDigest } from './engines/postgresql/table-writer.ts'
import { storedTable } from './execute/table-views.ts'
import type { HistoryProblem } from './history.ts'
import type { SharedState } from './shared-state.ts'
import { watchSignal } from './watch-signal.ts'

/** Oldest generation first; empty when history holds from end to end. Reads every output. */
export async function verifyLedger(shared: SharedState, signal?: AbortSignal): Promise<HistoryProblem[]> {
  const state = await shared.reader.state()
  const session = await openSession(shared.connection)
  const unwatch = watchSignal(signal, { interrupt: () => void session.cancel() })
  try {
    const check = new Check(shared, session, state)
    const problems: HistoryProblem[] = []
    for (const generation of [...state.generations.keys()].sort((a, b) => a - b))
      for (const problem of await check.problemsOf(generation)) problems.push({ generation, problem })
    if (state.current !== null)
      for (const problem of [...brokenLog(state), ...(await check.viewProblems())])
        problems.push({ generation: state.current, problem })
    return problems
  } finally {
    unwatch()
    await session.close()
  }
}

class Check {
  readonly #shared: SharedState
  readonly #session: Session
  readonly #state: LedgerState
  /** What is wrong with a table, by name: generations share them. */
  readonly #tables = new Map<string, string | null>()

  constructor(shared: SharedState, session: Session, state: LedgerState) {
    this.#shared = shared
    this.#session = session
    this.#state = state
  }

  async problemsOf(number: number): Promise<readonly string[]> {
    const [kept] = await this.#shared.reader.generations([number])
    if (kept === undefined) return ['it is not in the ledger any more']
    const record = parsed(() => parseDocument(GenerationRecord, kept.record, 'its record', 'STATE_INVALID'))
    if (record === null || record.generation !== number) return ['its record is damaged']
    const documents = (['manifest', 'run_state'] as const).filter((name) => sha256(kept[name]) !== record[name])
    if (documents.length > 0) return documents.map((name) => `${name}.json was changed`)
    return [
      ...this.#chainProblems(kept, record),
      ...(await this.#bundleProblems(record)),
      ...(await this.#outputs(kept)),
    ]
  }

  #chainProblems({ bundle }: LedgerGeneration, record: GenerationRecord): readonly string[] {
    const parent = record.parent === null ? undefined : this.#state.generations.get(record.parent)
    return [
      ...(bundle === record.bundle ? [] : ['the ledger names another bundle than the one that made it']),
      ...(parent === undefined || parent === record.parent_record
        ? []
        : [`generation ${record.parent} is not the one that it was made on`]),
    ]
  }

  async #bundleProblems({ bundle }: GenerationRecord): Promise<readonly string[]> {
    const files = (await this.#shared.reader.bundles([bundle])).get(bundle)
    if (files === undefined) return [`the bundle ${bundle.slice(0, 12)} that made it is gone`]
    try {
      const bytes = new Map([...files].map(([path, text]) => [path, Buffer.from(text)] as const))
      const { contract } = verify(bytes, `the bundle ${bundle.slice(0, 12)}`)
      return contract.digest === bundle
        ? []
        : [`the bundle that made it is another one: ${contract.digest.slice(0, 12)}`]
    } catch (error) {
      return [`the bundle that made it: ${messageOf(error)}`]
    }
  }

  async #outputs({ manifest, run_state }: LedgerGeneration): Promise<readonly string[]> {
    const { nodes } = parseDocument(Manifest, manifest, 'manifest.json', 'STATE_INVALID')
    const state = parseDocument(RunState, run_state, 'run_state.json', 'STATE_INVALID')
    const problems: string[] = []
    for (const node of nodes) {
      const output = state.nodes[node.id]
      // A view of somebody else's table stores nothing.
      if (output === undefined || isOnlyView(node)) continue
      const name = tableNameOf(node.id, output.snapshot.sha256)
      if (!this.#tables.has(name)) this.#tables.set(name, await this.#tableProblem(node.id, name, output))
      const problem = this.#tables.get(name) ?? null
      if (problem !== null) problems.push(problem)
    }
    return problems
  }

  async #tableProblem(node: string, name: string, { fingerprint, snapshot }: NodeState): Promise<string | null> {
    const what = `Looking at ${node}`
    const [found] = await this.#session.rows(
      what,
      "SELECT FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relname = $2 AND relkind IN ('r', 'p')",
      [STORE_SCHEMA, name],
    )
    if (found === undefined) return `the output of ${node} is missing`
    const [, digits = ''] = snapshot.digest.split(':')
    // Where the rows are what the fingerprint says, nothing was hashed: they can be counted.
    const isHashed = digits !== fingerprint.slice(0, 32)
    const { rows, sum } = await rowDigest(this.#session, storedTable(node, snapshot), isHashed ? 'q' : "''", what)
    return rows === snapshot.rows && (!isHashed || sum === digits) ? null : `the output of ${node} was changed`
  }

  /** Production's views that are gone, or lead elsewhere than the ledger says. */
  async viewProblems(): Promise<readonly string[]> {
    const problems: string[] = []
    for (const view of await viewsIn(this.#shared.ledger, null)) {
      const problem = await this.#viewProblem(view)
      if (problem !== null) problems.push(problem)
    }
    return problems
  }

  async #viewProblem({ schema, name, query }: LedgerView): Promise<string | null> {
    const title = `${schema}.${name}`
    const [found] = await this.#session.rows(
      `Looking at ${title}`,
      `SELECT c.relkind AS kind, (SELECT string_agg(DISTINCT t.relname, ',') FROM pg_rewrite r
         JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
         JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = to_regnamespace($3)
         WHERE r.ev_class = c.oid) AS tables
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
      [schema, name, STORE_SCHEMA],
    )
    if (found === undefined) return `the view ${title} is missing`
    const wanted = STORED.exec(query)
    if (found.kind !== 'v' || wanted === null) return null
    return found.tables === (wanted[1] ?? wanted[2]) ? null : `the view ${title} leads elsewhere`
  }
}

const STORED = new RegExp(`^TABLE ${STORE_SCHEMA}\\.(?:"([^"]+)"|(\\w+))$`)

/** Each switch begins where the one before it ended, and the last ended where production is. */
function brokenLog({ switches, current }: LedgerState): readonly string[] {
  const broken = switches.slice(1).filter(({ from }, i) => from !== switches[i]?.to)
  return [
    ...broken.map(
      ({ from, to, at }) => `the switch from ${from ?? 'none'} to ${to} at ${at} does not follow the one before it`,
    ),
    ...(switches.at(-1)?.to === current ? [] : [`the last switch was not to it`]),
  ]
}

function parsed<T>(body: () => T): T | null {
  try {
    return body()
  } catch (error) {
    if (error instanceof RuntimeFailure) return null
    throw error
  }
}
