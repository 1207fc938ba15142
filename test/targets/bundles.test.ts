// Targets in bundles: executed elsewhere and by hand, and refused where their SQL is not what their description says.

import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import * as assert from 'uvu/assert'
import { retarget } from '../../runtime/bundle/retarget.ts'
import { targetText } from '../../runtime/contract/target-sql.ts'
import type { Target } from '../../runtime/contract/targets.ts'
import { open } from '../../runtime/open.ts'
import { does, ends } from '../support/cli.ts'
import { forgeFolder } from '../support/forge.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, profileFor, type TargetProject, targetProject } from '../support/target-project.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('targets: bundles')

const STEP = 'apply/transform.orders.to.warehouse.analytics.orders.sql'

async function compiled(...args: readonly string[]): Promise<TargetProject & { readonly bundle: string }> {
  const project = await targetProject()
  const bundle = join(project.folder, 'bundle')
  await does(project.folder, ['compile', '--out', 'bundle', ...args])
  return { ...project, bundle }
}

test('a bundle names its connections and says nothing of where they lead; elsewhere it writes there', async () => {
  const { bundle, database } = await compiled()
  const other = await newDatabase('elsewhere')
  for (const file of ['bundle.json', 'manifest.json', 'review.md', 'apply.sql', STEP]) {
    const text = readFileSync(join(bundle, file), 'utf8')
    for (const secret of [database.password, database.database, String(database.port)])
      assert.not.ok(text.includes(secret), `${file} holds ${secret}`)
  }
  const place = tempFolder('place')
  cpSync(bundle, join(place, 'bundle'), { recursive: true })
  cpSync(join(bundle, '../data'), join(place, 'data'), { recursive: true })
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(place, 'other.yml'), profileFor(other))
  await does(place, ['exec', 'bundle', '--profile', 'other.yml'])
  assert.is((await other.sql('SELECT 1 FROM analytics.orders')).length, 3)
  assert.equal(await database.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'analytics'"), [])
})

const FORGERIES: Readonly<Record<string, (path: string, text: string) => string>> = {
  'a statement more': (path, text) =>
    path === STEP ? text.replace('COMMIT;', 'DROP TABLE analytics.other;\nCOMMIT;') : text,
  'another table': (path, text) => (path === STEP ? text.replaceAll('analytics.orders', 'analytics.other') : text),
  'another target in the manifest': (path, text) =>
    path === 'manifest.json' ? text.replaceAll('"schema": "analytics"', '"schema": "other"') : text,
}
for (const [what, change] of Object.entries(FORGERIES))
  test(`a bundle whose digests fit and that has ${what} is refused`, async () => {
    const { folder, bundle } = await compiled()
    forgeFolder(bundle, change)
    const { err } = await ends(2, folder, ['exec', 'bundle'])
    assert.match(err, /the SQL of step .* is not what writes its target|writes to '|is not one step/)
  })

test('an environment may not promote other SQL than production has', async () => {
  const { folder, bundle } = await compiled('--env', 'dev')
  forgeFolder(bundle, (path, text) =>
    path.startsWith('promote/') ? text.replace('DELETE FROM', 'DELETE  FROM') : text,
  )
  assert.match((await ends(2, folder, ['exec', 'bundle'])).err, /is not what writes its target/)
})

test('taking the prefix away gives what the promotion writes; another environment has its own', async () => {
  const { bundle } = await compiled('--env', 'dev')
  const opened = await open(bundle)
  const text = (path: string) => readFileSync(join(bundle, path), 'utf8')
  const spans = opened.contract.namespaces.filter(({ file }) => file === STEP)
  assert.ok(spans.length > 5)
  let stripped = text(STEP)
  for (const { start, text: prefix } of [...spans].reverse())
    stripped = stripped.slice(0, start) + stripped.slice(start + prefix.length)
  assert.is(stripped, text(STEP.replace('apply/', 'promote/')))
  const { environmentName } = await import('../../runtime/contract/ids.ts')
  const staging = environmentName('staging')
  if (staging === undefined) throw new Error('no name')
  assert.match(retarget(opened, staging).files.get(STEP) ?? '', /staging_analytics\.orders/)
})

test('what stands in comments for runs stays there, whatever the names hold', () => {
  const columns = [{ name: 'a\nb\rc', type: 'BIGINT' }]
  const target: Target = {
    type: 'postgresql',
    connection: 'warehouse',
    schema: 'analytics',
    table: 'orders',
    mode: 'overwrite',
  }
  const text = targetText({ node: 'transform.orders', target, columns, prefix: '' })
  assert.match(text, '-- COPY analytics.orders ("a\n-- b\r-- c") FROM STDIN (FORMAT csv);\n')
})

test('by hand, apply.sql and the SQL of the step write the same table', async () => {
  const { bundle, folder, database, rows } = await compiled()
  const outputs = mkdtempSync(join(tmpdir(), 'by-hand-'))
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  await duckdb.run(
    `SET VARIABLE data = '${folder}'; SET VARIABLE outputs = '${outputs}'; SET VARIABLE run_timestamp = '2026-03-01 00:00:00+00'::TIMESTAMPTZ`,
  )
  const script = await duckdb.extractStatements(readFileSync(join(bundle, 'apply.sql'), 'utf8'))
  for (let i = 0; i < script.count; i++) await (await script.prepare(i)).run()
  duckdb.closeSync()
  const csv = readFileSync(join(outputs, 'transform.orders.to.warehouse.analytics.orders.csv'))
  const client = new pg.Client({ ...database, ssl: false })
  await client.connect()
  // What psql does with \copy.
  const [before = '', copy = '', after = ''] = readFileSync(join(bundle, STEP), 'utf8').split(/^\\copy (.*)$/m)
  await client.query(before)
  await pipeline(Readable.from([csv]), client.query(copyFrom(`COPY ${copy.replace('pstdin', 'STDIN')}`)))
  await client.query(after)
  await client.end()
  assert.equal(await rows('SELECT id, customer FROM analytics.orders ORDER BY 1'), [
    ['1', 'a'],
    ['2', 'b'],
    ['3', null],
  ])
})

test.run()
