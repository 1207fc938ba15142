import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import * as assert from 'uvu/assert'
import { expandGlob } from '../../../runtime/store/glob.ts'
import { HashThread, LARGE_BYTES } from '../../../runtime/store/hashing.ts'
import { digestFile } from '../../../runtime/store/snapshots.ts'
import { SourceFiles } from '../../../runtime/store/source-files.ts'
import { openStore } from '../../../runtime/store/store.ts'
import { rejects } from '../../support/rejects.ts'
import { suite } from '../../support/suite.ts'
import { tempFolder, tempProject, writeFiles } from '../../support/temp.ts'

const test = suite('source files')

test('A glob names the files that DuckDB reads', async () => {
  const project = tempProject({
    'data/a.csv': '',
    'data/.hidden.csv': '',
    'data/b.CSV': '',
    'data/a1.csv': '',
    'data/a(2).csv': '',
    'data/x/a.csv': '',
    'data/x/y/b.csv': '',
    'data/x.csv/in.csv': '',
    'other/a.csv': '',
  })
  symlinkSync(join(project, 'data/x'), join(project, 'data/link'))
  symlinkSync(join(project, 'data/a.csv'), join(project, 'data/linked.csv'))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const patterns = [
    'data/*.csv',
    'data/a?.csv',
    'data/[ab]*.csv',
    'data/[!a]*.csv',
    'data/**/*.csv',
    '**/a.csv',
    'data/*/a.csv',
    'data/x/**',
    'data/a.csv',
    'data/none*.csv',
    '*/a.csv',
    'data/a(2).csv',
    'data/[0-9a]1.csv',
    'data/link/*.csv',
  ]
  for (const pattern of patterns) {
    const answer = await connection.runAndReadAll(`SELECT file FROM glob('${project}/${pattern}')`)
    const theirs = answer.getRows().map(([file]) => String(file).slice(project.length + 1))
    assert.equal(expandGlob(project, pattern), theirs.sort(), pattern)
  }
  connection.closeSync()
  instance.closeSync()
})

test('What was read ahead is read again when it changed since, and what is stopped is not read', async () => {
  const project = tempProject({ 'd/a.csv': 'x', 'd/b.csv': 'y' })
  const fresh = async () => (await new SourceFiles(openStore(project)).contents('d/*.csv')).digest
  const sources = new SourceFiles(openStore(project))
  sources.readAhead('d/*.csv')
  sources.readAhead('absent/*.csv')
  assert.is((await sources.contents('d/*.csv')).digest, await fresh())
  sources.readAhead('d/*.csv')
  writeFileSync(join(project, 'd/a.csv'), 'z')
  assert.is((await sources.contents('d/*.csv')).digest, await fresh())
  await rejects(() => sources.contents('absent/*.csv'), 'SOURCE_NOT_FOUND')
  const stopped = new SourceFiles(openStore(project))
  stopped.readAhead('d/*.csv')
  stopped.stop()
  const ended = await stopped.contents('d/*.csv').catch((error: unknown) => error)
  assert.instance(ended, Error)
})

test('A large file has the same digest as if it were small, can be stopped, and says what is wrong with it', async () => {
  const project = tempProject({ 'd/a.csv': 'x' })
  const file = join(project, 'd/a.csv')
  truncateSync(file, LARGE_BYTES)
  const { signal } = new AbortController()
  const thread = new HashThread()
  assert.equal(await thread.digest(file, signal), await digestFile(file))
  assert.is(await thread.digest(join(project, 'd/b.csv'), signal), null)
  assert.is((await thread.digest(file, signal))?.sizeBytes, LARGE_BYTES)
  thread.end()
  const sources = new SourceFiles(openStore(project))
  const reading = sources.contents('d/*.csv')
  sources.readAhead('d/*.csv')
  const { digest, files } = await reading
  appendFileSync(file, 'x')
  assert.is.not((await sources.contents('d/*.csv')).digest, digest)
  assert.is(files.length, 1)
  const stopped = new SourceFiles(openStore(project))
  const ended = stopped.contents('d/*.csv').catch((error: unknown) => error)
  setTimeout(() => stopped.stop(), 1)
  assert.instance(await ended, Error)
})

test('Contents count, times do not; other names do', async () => {
  const project = tempProject({ 'd/a.csv': 'x', 'd/b.csv': 'y' })
  const digest = async () => (await new SourceFiles(openStore(project)).contents('d/*.csv')).digest
  const first = await digest()
  utimesSync(join(project, 'd/a.csv'), 1, 1)
  assert.is(await digest(), first)
  renameSync(join(project, 'd/a.csv'), join(project, 'd/c.csv'))
  assert.is.not(await digest(), first)
})

test('A file of the same size, time and place with other contents is noticed', async () => {
  const project = tempProject({ 'a.csv': 'one' })
  const files = new SourceFiles(openStore(project))
  utimesSync(join(project, 'a.csv'), 1000, 1000)
  await new Promise((resume) => setTimeout(resume, 60))
  const first = await files.contents('a.csv')
  files.save()
  writeFileSync(join(project, 'a.csv'), 'two')
  utimesSync(join(project, 'a.csv'), 1000, 1000)
  assert.is.not((await new SourceFiles(openStore(project)).contents('a.csv')).digest, first.digest)
})

test('A file that changes, comes or goes while it is used is noticed', async () => {
  const project = tempProject({ 'd/a.csv': 'x' })
  const files = new SourceFiles(openStore(project))
  const contents = await files.contents('d/*.csv')
  files.confirm(contents)
  appendFileSync(join(project, 'd/a.csv'), 'y')
  await rejects(() => files.confirm(contents), 'SOURCE_CHANGED_WHILE_READ')
  const again = await files.contents('d/*.csv')
  writeFiles(project, { 'd/b.csv': 'z' })
  const failure = await rejects(() => files.confirm(again), 'SOURCE_CHANGED_WHILE_READ')
  assert.equal(failure.facts.paths, ['d/b.csv'])
})

test('A path or a link that leaves the project is refused', async () => {
  const outside = tempFolder('outside')
  writeFileSync(join(outside, 'secret.csv'), 'x')
  const project = tempProject({ 'd/a.csv': 'x' })
  symlinkSync(join(outside, 'secret.csv'), join(project, 'd/link.csv'))
  symlinkSync(outside, join(project, 'folder'))
  mkdirSync(join(project, 'inside'))
  symlinkSync(join(project, 'd/a.csv'), join(project, 'inside/ok.csv'))
  const files = new SourceFiles(openStore(project))
  for (const path of ['d/link.csv', 'd/*.csv', 'folder/secret.csv', '../x.csv', '/etc/passwd'])
    await rejects(() => files.contents(path), 'STATEMENT_REFUSED')
  await files.contents('inside/ok.csv')
  const missing = await rejects(() => files.contents('d/none.csv'), 'SOURCE_NOT_FOUND')
  assert.is(missing.facts.path, 'd/none.csv')
})

test('What configures the project, holds its secrets or is written by Seeknal is no source, also through a link', async () => {
  const project = tempProject({
    'data/a.csv': 'x',
    'data/.b.csv': 'x',
    '.env': 'KEY=1',
    '.git/config': 'x',
    'profiles-dev.yml': 'x',
    'seeknal_project.yml': 'x',
    'seeknal.lock.json': '{}',
    'target/manifest.json': '{}',
  })
  const linked = ['.env', '.git/config', 'profiles-dev.yml', 'seeknal_project.yml', 'target/manifest.json']
  mkdirSync(join(project, 'links'))
  for (const [i, path] of linked.entries()) symlinkSync(join(project, path), join(project, `links/${i}.csv`))
  symlinkSync(join(project, 'target'), join(project, 'links/folder'))
  const files = new SourceFiles(openStore(project))
  const refused = [
    ...['.env', './.env', '.git/config', 'data/.b.csv', 'data/*', 'profiles-dev.yml', '//profiles-dev.yml'],
    ...['PROFILES-DEV.YML', 'profiles*.yml', 'p*-dev.yml', '[p]rofiles-dev.yml', 'seeknal_project.yml', '*.yml'],
    ...['SEEKNAL.LOCK.JSON', '*.json', 'target/manifest.json', 'TARGET/manifest.json', './target/*.json'],
    ...['t*/*.json', '**/*.json', '**', 'links/folder/manifest.json', 'links/[0-4].csv'],
    ...linked.map((_, i) => `links/${i}.csv`),
  ]
  for (const path of refused) {
    await rejects(() => files.contents(path), 'STATEMENT_REFUSED')
    await rejects(() => files.list(path), 'STATEMENT_REFUSED')
  }
  for (const path of ['data/a.csv', 'data/a*', 'data/target.csv', 'data/target/x.csv', '*/a.csv'])
    if (path.startsWith('data/t')) await rejects(() => files.contents(path), 'SOURCE_NOT_FOUND')
    else await files.contents(path)
})

test('A pattern that is none finds nothing', () => {
  assert.equal(expandGlob(tempProject({ 'data/a.csv': '' }), 'data/[z-a].csv'), [])
})

test.run()
