// No password is ever in a file that is written, or in a byte that is printed, whatever a command does or fails by.

import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli } from '../../support/cli.ts'
import { postgresServer } from '../../support/postgres.ts'
import { databaseProject, profileOf, sourceOf, transformOf } from '../../support/postgres-project.ts'
import { seeknal } from '../../support/seeknal.ts'
import { suite } from '../../support/suite.ts'
import { writeFiles } from '../../support/temp.ts'

const test = suite('cli/postgresql/secrets')
const SECRETS = ['production-s3cret', "dev 's3cret\\", 'wrong-s3cret-%41'] as const

/** Every way in which a text may stand in a file. */
const spellings = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
]

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return lstatSync(path).isDirectory() ? filesBelow(path) : lstatSync(path).isFile() ? [path] : []
  })
}

/** The author's own files, which may hold a password. */
const AUTHORS = ['profiles.yml', 'profiles-dev.yml', 'url.yml', '.env']

const found = (bytes: Buffer | string, secrets = SECRETS.flatMap(spellings)): string | undefined =>
  secrets.find((secret) => bytes.includes(secret))

test('No command prints or writes a password, whether it succeeds or fails', async () => {
  const server = await postgresServer()
  const production = await server.create({ database: 'sec_prod', user: 'sec_prod', password: SECRETS[0] })
  const dev = await server.create({ database: 'sec_dev', user: 'sec_dev', password: SECRETS[1] })
  for (const db of [production, dev]) await db.sql("CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, 'a')")
  const folder = databaseProject(production, {
    'profiles.yml': profileOf(production),
    'profiles-dev.yml': profileOf(dev).replace(/password: .*/, `password: ${JSON.stringify(SECRETS[1])}`),
    'url.yml': `connections:\n  warehouse: {url: "postgresql://sec_prod:${encodeURIComponent(SECRETS[0])}@127.0.0.1:${production.port}/sec_prod"}\n`,
    '.env': `WAREHOUSE_PASSWORD=${SECRETS[0]}\n`,
    'seeknal/t.yml': sourceOf('t', 'connection: warehouse\ntable: public.t\n'),
    'seeknal/mart.yml': transformOf('mart', ['source.t'], "SELECT count(*) AS n FROM ref('source.t')"),
    'seeknal/out.yml': transformOf('out', ['source.t'], "SELECT * FROM ref('source.t')").replace(
      'transform:',
      'materialization: {type: postgresql, connection: warehouse, table: marts.out}\ntransform:',
    ),
    'draft.yml': sourceOf('u', 'connection: warehouse\nquery: SELECT id FROM t\n'),
  })
  const wrong = { WAREHOUSE_PASSWORD: SECRETS[2] }
  const commands: readonly (readonly [readonly string[], Record<string, string>?])[] = [
    [['profile', 'show']],
    [['profile', 'show', '--json', '--env', 'dev']],
    [['profile', 'show', '--profile', 'url.yml']],
    [['profile', 'show', '--json', '--profile', 'url.yml']],
    [['connection', 'test', 'warehouse']],
    [['connection', 'test', 'warehouse', '--json', '--profile', 'url.yml']],
    [['connection', 'test', 'warehouse', '--verbose'], wrong],
    [['connection', 'test', 'warehouse', '--json', '--verbose'], wrong],
    [['lock', '--accept', '--verbose'], wrong],
    [['compile'], wrong],
    [['compile']],
    [['plan', '--json']],
    [['run', '--json', '--verbose']],
    [['run', '--json', '--verbose'], wrong],
    [['run', '--full', '--verbose', '--profile', 'url.yml']],
    [['dry-run', 'draft.yml']],
    [['dry-run', 'draft.yml', '--verbose'], wrong],
    [['parse', '--format', 'json']],
    [['env', 'plan', 'dev', '--json']],
    [['compile', '--env', 'dev', '--archive', 'dev.tar.gz', '--out', 'devbundle']],
  ]
  for (const [args, env] of commands) {
    const { all } = await cli(folder, args, { env: env ?? {} })
    assert.is(found(all), undefined, `seeknal ${args.join(' ')} prints a password:\n${all}`)
  }
  writeFiles(folder, {
    'seeknal/mart.yml': transformOf('mart', ['source.t'], "SELECT count(*) AS n, max(v) AS v FROM ref('source.t')"),
    'seeknal/t.yml': sourceOf('t', 'connection: warehouse\nquery: SELECT id, v FROM t WHERE id > 0\n'),
  })
  for (const args of [
    ['env', 'plan', 'dev', '--verbose'],
    ['env', 'apply', 'dev', '--json', '--verbose'],
    ['env', 'apply', 'dev', '--dry-run'],
    ['diff'],
    ['env', 'promote', 'dev', '--yes', '--json', '--rematerialize'],
    ['exec', 'bundle', 'bundle', '--verbose', '--fresh'],
    ['history'],
    ['env', 'delete', 'dev', '--yes', '--verbose'],
    ['repl', '--exec', 'FROM transform.mart'],
  ]) {
    const { all, code } = await cli(folder, args)
    assert.is(found(all), undefined, `seeknal ${args.join(' ')} prints a password:\n${all}`)
    assert.is(code, 0, all)
  }
  await server.stop('SIGINT')
  for (const args of [['run', '--verbose'], ['connection', 'test', 'warehouse', '--verbose'], ['lock']]) {
    const ended = seeknal(folder, args)
    assert.is(found(ended.all), undefined, ended.all)
    assert.is.not(ended.code, 0)
    assert.not.match(ended.all, /mistake in Seeknal/)
  }
  await server.start()
  const files = filesBelow(folder).filter((path) => !AUTHORS.includes(path.slice(folder.length + 1)))
  assert.ok(files.length > 30, 'files were written')
  for (const path of files) assert.is(found(readFileSync(path)), undefined, `${path} holds a password`)
})

test.run()
