// A bundle on a machine that has the data and no project: what executing it made can be looked at and taken back there.

import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, rowsOf } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('cli/bundle-elsewhere')

const compiled = (async (): Promise<string> => {
  const folder = tempProject(shop)
  await does(folder, ['compile', '--archive', 'shop.tar.gz'])
  await does(folder, ['compile', '--env', 'dev', '--archive', 'dev.tar.gz'])
  return folder
})()

async function machine(): Promise<string> {
  const folder = tempFolder('machine')
  const from = await compiled
  cpSync(join(from, 'data'), join(folder, 'data'), { recursive: true })
  for (const name of ['shop.tar.gz', 'dev.tar.gz']) cpSync(join(from, name), join(folder, name))
  mkdirSync(join(folder, 'target'))
  return folder
}

test('Production there is shown, asked, checked, taken back and cleaned without a project', async () => {
  const folder = await machine()
  await does(folder, ['exec', 'bundle', 'shop.tar.gz'])
  await does(folder, ['exec', 'bundle', 'shop.tar.gz', '--fresh'])
  const below = join(folder, 'data')
  for (const [cwd, ...place] of [[folder], [below], [tempFolder(), '--project-path', folder]] as const) {
    assert.match(await does(cwd, ['history', '--verify', ...place]), /2 generations verified/)
    assert.match(await does(cwd, ['inspect', ...place]), /transform\.daily/)
    await does(cwd, ['unlock', ...place])
    await does(cwd, ['clean', ...place])
    await does(cwd, ['repl', '-e', 'FROM transform.daily', ...place])
  }
  assert.match(await does(below, ['rollback', '--yes']), /generation 1 again/)
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM transform_daily'), [['2']])
})

test('An environment there is listed, compared, promoted and deleted without a project', async () => {
  const folder = await machine()
  await does(folder, ['exec', 'bundle', 'shop.tar.gz'])
  await does(folder, ['exec', 'bundle', 'dev.tar.gz', '--force'])
  assert.match(await does(folder, ['env', 'list']), /^dev +applied/m)
  await does(folder, ['env', 'diff', 'dev'])
  await does(folder, ['promote', 'dev', '--yes', '--force'])
  await does(folder, ['env', 'delete', 'dev', '--yes'])
})

test('A folder whose target/ is another tool’s is no project, and commands that compile need one', async () => {
  const folder = await machine()
  for (const command of [['history'], ['rollback', '--yes'], ['repl', '-e', 'SELECT 1'], ['clean']])
    assert.match((await ends(2, folder, command)).err, /There is no seeknal_project\.yml/)
  await does(folder, ['exec', 'bundle', 'shop.tar.gz'])
  for (const command of [['run'], ['plan'], ['compile'], ['validate']])
    assert.match((await ends(2, folder, command)).err, /There is no seeknal_project\.yml/)
})

test('A query before the first run says what is missing', async () => {
  const { err } = await ends(1, tempProject(shop), ['repl', '-e', 'FROM transform.daily'])
  assert.match(err, /There are no tables yet: `seeknal run` makes them/)
})

test.run()
