// A project twice: on one side its bundles are executed by the command, on the other by psql; then the whole databases are compared.

import * as assert from 'uvu/assert'
import { does } from './cli.ts'
import { type EngineProject, engineProject } from './engine-project.ts'
import { runScript } from './psql.ts'
import { type Comparison, differences, wholeDatabase } from './whole-database.ts'

export const ODD_TABLES = `CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint, "Customer ü" text, amount numeric(10,2), day date);
INSERT INTO shop.orders VALUES (1, 'ann', 10.50, '2026-03-01'), (2, 'bob''s "x"', 20, '2026-03-01'), (3, NULL, 5.25, '2026-03-02'), (4, 'bob', -1, NULL);
CREATE TABLE shop.nothing (a integer, b text);`

export const RUN = ['--date', '2026-03-05', '--run-timestamp', '2026-03-05T06:00:00Z']
export const VARIABLES = { run_date: '2026-03-05', run_timestamp: '2026-03-05T06:00:00.000Z' }

/** What names a command, and what a command says of its run. */
export const APART: Comparison = { without: ['command', 'report.md'] }

export async function same(
  a: EngineProject,
  b: EngineProject,
  what: string,
  comparison: Comparison = APART,
): Promise<void> {
  const [left, right] = [await wholeDatabase(a.database, comparison), await wholeDatabase(b.database, comparison)]
  assert.is(differences(left, right), '', what)
  assert.equal(left, right, what)
}

export interface Pair {
  readonly byCommand: EngineProject
  readonly byHand: EngineProject
  both(body: (project: EngineProject) => Promise<unknown> | unknown): Promise<void>
  /** Compiles, and executes the bundle: on one side by the command and on the other by psql. */
  execute(environment: string | null, what: string): Promise<void>
  /** The same with the bundles that are there. */
  executeAgain(what: string, given?: Given): Promise<void>
}

interface Given {
  readonly env?: Readonly<Record<string, string>>
  /** The same for psql. */
  readonly variables?: Readonly<Record<string, string>>
}

export async function pair(files: Readonly<Record<string, string>>): Promise<Pair> {
  const [byCommand, byHand] = [await engineProject(files, ODD_TABLES), await engineProject(files, ODD_TABLES)]
  let executed = 0
  const both: Pair['both'] = async (body) => {
    await body(byCommand)
    await body(byHand)
  }
  const executeAgain: Pair['executeAgain'] = async (what, { env = {}, variables = {} } = {}) => {
    // What was read stands in proofs by its name, which a run gives.
    executed += 1
    const run_id = `run-${executed}`
    await does(byCommand.folder, ['exec', 'bundle', ...RUN, '--run-id', run_id], { env })
    const { failed, said } = await runScript(byHand.database, 'bundle/apply.sql', {
      cwd: byHand.folder,
      variables: { ...VARIABLES, ...variables, run_id },
    })
    assert.not.ok(failed, said)
    await same(byCommand, byHand, what)
  }
  return {
    byCommand,
    byHand,
    both,
    async execute(environment, what) {
      const options = environment === null ? [] : ['--env', environment]
      await both(({ folder }) => does(folder, ['compile', ...options, '--out', 'bundle']))
      await executeAgain(what)
    },
    executeAgain,
  }
}
