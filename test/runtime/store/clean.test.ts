import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { environmentName } from '../../../runtime/contract/ids.ts'
import { rollback } from '../../../runtime/promote.ts'
import { clean } from '../../../runtime/store/clean.ts'
import { readEnvConfig, writeEnvDocument } from '../../../runtime/store/environments.ts'
import { generationNumbers, readProduction } from '../../../runtime/store/generations.ts'
import { acquireLock } from '../../../runtime/store/locks.ts'
import { openStore } from '../../../runtime/store/store.ts'
import { rejects } from '../../support/rejects.ts'
import { production, run, shop, shopProject, tree, withStatus } from '../../support/runtime-project.ts'
import { suite } from '../../support/suite.ts'

const test = suite('clean')

const changed = (factor: number) => ({
  'transform.sums': { sql: `SELECT CAST(sum(v) AS INTEGER) * ${factor} AS total FROM transform.clean` },
})

async function withGenerations(count: number): Promise<string> {
  const project = shopProject()
  for (let i = 1; i <= count; i++) await run(project, shop(changed(i)))
  return project
}

const files = (project: string, folder: string) => readdirSync(join(project, 'target', folder)).length

test('Old generations go, with the outputs that only they had; those that are kept stay whole', async () => {
  const project = await withGenerations(4)
  const before = production(project)
  const planned = await clean({ projectDir: project, keepGenerations: 2, dryRun: true })
  assert.is(files(project, 'generations'), 4)
  const done = await clean({ projectDir: project, keepGenerations: 2 })
  assert.equal(done, planned)
  assert.equal(done.generations, [1, 2])
  assert.is(done.snapshots, 4)
  assert.ok(done.bytes > 0)
  assert.equal(generationNumbers(openStore(project)), [3, 4])
  assert.equal(production(project), before)
  assert.is((await run(project, shop(changed(4)))).outcome, 'nothing')
  await rollback({ projectDir: project, to: 3 })
  assert.is((await run(project, shop(changed(3)))).outcome, 'nothing')
})

test('The current generation is kept, however old', async () => {
  const project = await withGenerations(3)
  await rollback({ projectDir: project, to: 1 })
  await clean({ projectDir: project, keepGenerations: 1 })
  assert.equal(generationNumbers(openStore(project)), [1])
})

test('What nothing refers to goes: leftovers of failed runs, of lost processes, and their index', async () => {
  const project = await withGenerations(1)
  await run(
    project,
    shop({ ...changed(7), 'transform.both': { sql: "SELECT CAST('x' || total AS INTEGER) AS a FROM transform.sums" } }),
  )
  const before = files(project, 'snapshots')
  const done = await clean({ projectDir: project })
  assert.is(done.snapshots, 1)
  assert.is(files(project, 'snapshots'), before - 1)
  assert.is(files(project, 'index'), files(project, 'snapshots'))
  const again = await run(project, shop(changed(7)))
  assert.equal(withStatus(again, 'executed'), ['transform.both', 'transform.sums'])
})

test('An environment that was not used for its time to live goes; a used one keeps its outputs', async () => {
  const project = await withGenerations(1)
  const store = openStore(project)
  const dev = environmentName('dev')
  if (dev === undefined) throw new Error('no name')
  const base = readProduction(store)?.manifest ?? null
  await run(project, shop(changed(9), { environment: 'dev', base, steps: ['transform.sums'] }))
  assert.equal((await clean({ projectDir: project })).snapshots, 0)
  writeEnvDocument(store, dev, 'env_config.json', {
    ...readEnvConfig(store, dev),
    last_used_at: '2020-01-01T00:00:00.000Z',
  })
  const done = await clean({ projectDir: project })
  assert.equal([done.environments, done.snapshots], [['dev'], 1])
  assert.not(existsSync(join(project, 'target/environments/dev')))
})

test('Cleaning is refused while somebody writes, and writing while it cleans', async () => {
  const project = await withGenerations(1)
  const store = openStore(project)
  const writer = await acquireLock(store, 'environment-dev', { command: 'seeknal env apply dev' })
  await rejects(() => clean({ projectDir: project }), 'STATE_LOCKED')
  writer.release()
  const cleaner = await acquireLock(store, 'clean', { command: 'seeknal clean' })
  await rejects(() => run(project, shop(changed(5))), 'STATE_LOCKED')
  cleaner.release()
  assert.is((await run(project, shop(changed(5)))).outcome, 'done')
})

test('A dry run changes nothing', async () => {
  const project = await withGenerations(2)
  writeFileSync(join(project, 'target/tmp/leftover'), 'x')
  const before = tree(join(project, 'target'))
  await clean({ projectDir: project, keepGenerations: 1, dryRun: true })
  assert.equal(tree(join(project, 'target')), before)
})

test.run()
