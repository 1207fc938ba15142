// Sources that say in the project where their server is: they are read, and what they say goes nowhere else.

import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does, ends, rowsOf } from '../../support/cli.ts'
import { postgresServer, type TestDatabase } from '../../support/postgres.ts'
import { profileOf, sourceOf, transformOf } from '../../support/postgres-project.ts'
import { suite } from '../../support/suite.ts'
import { tempProject, writeFiles } from '../../support/temp.ts'

const test = suite('cli/postgresql/inline')
const PROJECT = { 'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\nparams: {where: 127.0.0.1}\n' }
const NAMES = ['inline_crm', 'inline_erp'] as const
const SECRETS = ['crm-$ecret-{1}', "erp 's3$cret"] as const

let made: Promise<readonly [TestDatabase, TestDatabase]> | null = null

function databases(): Promise<readonly [TestDatabase, TestDatabase]> {
  made ??= (async () => {
    const server = await postgresServer()
    const create = async (at: 0 | 1): Promise<TestDatabase> => {
      const db = await server.create({ database: NAMES[at], user: NAMES[at], password: SECRETS[at] })
      await db.sql(`CREATE TABLE t (id int, v text); INSERT INTO t VALUES (${at}, '${at === 0 ? 'crm' : 'erp'}')`)
      return db
    }
    return [await create(0), await create(1)]
  })()
  return made
}

/** The fields of `db` below `params:`; the password as it is given. */
const paramsOf = ({ host, port, database, user }: TestDatabase, password: string, more = ''): string =>
  `params:\n  host: ${host}\n  port: ${port}\n  database: ${database}\n  user: ${user}\n  password: ${password}\n${more}`

const table = (name: string, params: string): string => sourceOf(name, `table: public.t\n${params}`)

const both = (crm: TestDatabase, erp: TestDatabase) => ({
  'seeknal/crm.yml': table('crm', paramsOf(crm, `"{{ env.CRM_PW }}"`)).replace(crm.host, '"{{ where }}"'),
  'seeknal/erp.yml': table('erp', paramsOf(erp, `\${ERP_PW}`, '  sslmode: require\n  keepalives_count: 3\n')),
  'seeknal/all.yml': transformOf('all', ['source.crm', 'source.erp'], 'FROM source.crm UNION ALL FROM source.erp'),
})

const WITH_PASSWORDS = { env: { CRM_PW: SECRETS[0], ERP_PW: SECRETS[1] } }
const DEFAULTS = 'source_defaults:\n  postgresql: {connection: warehouse}\n'
const ALL = 'SELECT v FROM transform.all ORDER BY v'

test('Two sources say each where their server is, and are read without any profile', async () => {
  const folder = tempProject({ ...PROJECT, ...both(...(await databases())) })
  await does(folder, ['run'], WITH_PASSWORDS)
  assert.equal(await rowsOf(folder, ALL), [['crm'], ['erp']])
})

test('What a source says goes before its connection of the profile, and what it leaves out comes from there', async () => {
  const [crm, erp] = await databases()
  const over = `params:\n  database: ${erp.database}\n  user: ${erp.user}\n  password: \${ERP_PW}\n`
  const folder = tempProject({
    ...PROJECT,
    'profiles.yml': profileOf(crm, DEFAULTS),
    'seeknal/named.yml': sourceOf('named', `connection: warehouse\ntable: t\n${over}`),
    'seeknal/default.yml': sourceOf('default', `query: SELECT v FROM t\n${over}`),
    'seeknal/plain.yml': sourceOf('plain', 'table: t\n'),
  })
  const env = { ERP_PW: SECRETS[1], WAREHOUSE_PASSWORD: SECRETS[0] }
  await does(folder, ['run'], { env })
  assert.equal(await rowsOf(folder, 'SELECT v FROM source.named'), [['erp']])
  assert.equal(await rowsOf(folder, 'SELECT v FROM source.default'), [['erp']])
  assert.equal(await rowsOf(folder, 'SELECT v FROM source.plain'), [['crm']])
  writeFiles(folder, { 'profiles.yml': profileOf({ ...crm, host: 'nowhere.invalid' }, DEFAULTS) })
  const { all } = await ends(1, folder, ['run', '--full'], { env })
  assert.match(all, /nowhere\.invalid/)
})

test('Where the server is makes nothing run again; over which connection does', async () => {
  const [crm] = await databases()
  const source = (connection: string, host: string): string =>
    sourceOf('crm', `connection: ${connection}\ntable: public.t\nparams: {host: ${host}, sslmode: disable}\n`)
  const profile = profileOf(crm)
  const folder = tempProject({
    ...PROJECT,
    'profiles.yml': `${profile}${profile.replace(/^connections:\n {2}warehouse/, '  other')}`,
    'seeknal/crm.yml': source('warehouse', '127.0.0.1'),
  })
  const env = { WAREHOUSE_PASSWORD: SECRETS[0] }
  await does(folder, ['run'], { env })
  writeFiles(folder, { 'seeknal/crm.yml': source('warehouse', 'localhost') })
  assert.match(await does(folder, ['run'], { env }), /No changes detected/)
  writeFiles(folder, { 'seeknal/crm.yml': source('other', 'localhost') })
  assert.match((await ends(2, folder, ['plan', '--detailed-exitcode'], { env })).all, /source\.crm/)
})

test('A bundle takes such a connection from the profile of where it is executed, and says which it wants', async () => {
  const [crm, erp] = await databases()
  const folder = tempProject({ ...PROJECT, ...both(crm, erp) })
  await does(folder, ['compile'], WITH_PASSWORDS)
  const contract = JSON.parse(readFileSync(join(folder, 'bundle/bundle.json'), 'utf8'))
  assert.equal(
    contract.requires.connections.map((c: { name: string }) => c.name),
    ['source.crm', 'source.erp'],
  )
  const elsewhere = tempProject({ 'profiles.yml': 'connections: {}\n' })
  const bundle = join(folder, 'bundle')
  const { all } = await ends(2, elsewhere, ['exec', 'bundle', bundle])
  for (const name of ['crm', 'erp']) assert.match(all, `connection 'source.${name}' is not known`)
  assert.match(all, /has to be in the profile/)
  const entry = (db: TestDatabase, name: string, password: string): string =>
    profileOf(db)
      .replace('connections:\n', '')
      .replace('warehouse', name)
      .replace(/\$\{.*\}/, password)
  writeFiles(elsewhere, {
    'profiles.yml': `connections:\n${entry(crm, 'source.crm', `\${A}`)}${entry(erp, 'source.erp', `\${B}`)}`,
  })
  await does(elsewhere, ['exec', 'bundle', bundle], { env: { A: SECRETS[0], B: SECRETS[1] } })
})

test('A mistake in it is said with its place in the project', async () => {
  const [crm] = await databases()
  const at = async (params: string, env: Record<string, string> = {}): Promise<string> => {
    const folder = tempProject({ ...PROJECT, 'seeknal/crm.yml': table('crm', params) })
    return (await ends(2, folder, ['run'], { env })).all
  }
  assert.match(await at(paramsOf(crm, `\${NO_PW}`)), /seeknal\/crm\.yml:10:13: .*'NO_PW', which is not set/)
  assert.match(await at(paramsOf(crm, '"{{ env.NO_PW }}"')), /seeknal\/crm\.yml:10:13: .*'NO_PW', which is not set/)
  assert.match(await at('params: {host: h, port: 99999999}\n'), /seeknal\/crm\.yml:5:25: 'port' of .*'source\.crm'/)
  assert.match(await at('params: {host: "{{ nothing }}"}\n'), /seeknal\/crm\.yml:5:16: .*stands for nothing/)
  assert.match(await at('params: {host: "{{ run_date }}"}\n'), /seeknal\/crm\.yml:5:16: .*cannot wait/)
  assert.match(await at('params: {host: "{{ env.H }}", sslmode: no}\n', { H: 'x' }), /'sslmode' of .*one of/)
})

test('A query cannot take in what says where the server is', async () => {
  const [crm] = await databases()
  const source = sourceOf('crm', `query: SELECT '{{ password }}' AS p FROM t\n${paramsOf(crm, 'shown-s3cret')}`)
  const folder = tempProject({ ...PROJECT, 'seeknal/crm.yml': source })
  const { all } = await ends(2, folder, ['run'])
  assert.match(all, /RESOLVE_PLACEHOLDER_NOT_FOUND/)
  assert.not.match(all, /shown-s3cret/)
})

test('The connection of such a source can be tried and shown like any other, and its password is never told', async () => {
  const [crm, erp] = await databases()
  const own = `params: {database: ${erp.database}, user: ${erp.user}, password: "{{ env.ERP_PW }}"}\n`
  const folder = tempProject({
    ...PROJECT,
    'seeknal/crm.yml': table('crm', paramsOf(crm, `"{{ env.CRM_PW }}"`)),
  })
  const shown = await does(folder, ['profile', 'show'], WITH_PASSWORDS)
  assert.match(shown, /There is no profile\.[\s\S]*connection source\.crm: postgresql/)
  assert.match(shown, new RegExp(`database +${crm.database} +seeknal/crm\\.yml:8`))
  assert.match(shown, /password +\*\*\* +seeknal\/crm\.yml:10, \$CRM_PW of the environment/)
  assert.match(await does(folder, ['connection', 'test', 'source.crm'], WITH_PASSWORDS), /PostgreSQL \d/)
  writeFiles(folder, {
    'profiles.yml': profileOf(crm, DEFAULTS),
    'seeknal/erp.yml': sourceOf('erp', `table: public.t\n${own}`),
  })
  const env = { ...WITH_PASSWORDS.env, WAREHOUSE_PASSWORD: SECRETS[0] }
  const { connections } = JSON.parse(await does(folder, ['profile', 'show', '--json'], { env }))
  assert.equal(
    connections.map(({ name }: { name: string }) => name),
    ['warehouse', 'source.crm', 'source.erp'],
  )
  const from = (field: string) => connections[2].fields.find((f: { field: string }) => f.field === field)
  assert.match(from('host').from, /^profiles\.yml:\d+$/)
  assert.equal([from('database').value, from('database').from], [erp.database, 'seeknal/erp.yml:5'])
  assert.is(from('password').value, '***')
  const tried = JSON.parse(await does(folder, ['connection', 'test', 'source.erp', '--json'], { env }))
  assert.equal([tried.connection, tried.database, tried.ok], ['source.erp', erp.database, true])
  const { all } = await ends(2, folder, ['connection', 'test', 'source.erp'], { env: { WAREHOUSE_PASSWORD: 'x' } })
  assert.match(all, /seeknal\/erp\.yml:5:\d+: .*'ERP_PW', which is not set/)
  assert.match(
    (await ends(2, folder, ['connection', 'test', 'source.none'], { env })).all,
    /'source\.none' is not known/,
  )
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return lstatSync(path).isDirectory() ? filesBelow(path) : lstatSync(path).isFile() ? [path] : []
  })
}

test('A password in the project works with a warning, and nothing that is said is printed or written', async () => {
  const [crm, erp] = await databases()
  const files = {
    ...both(crm, erp),
    'seeknal/erp.yml': table('erp', paramsOf(erp, JSON.stringify(SECRETS[1]))),
    'seeknal/again.yml': `shared: &shared {password: &pw ${JSON.stringify(SECRETS[1])}}\n${table(
      'again',
      paramsOf(erp, '*pw', '  <<: *shared\n'),
    )}`,
    'draft.yml': table('draft', paramsOf(erp, JSON.stringify(SECRETS[1]))),
  }
  const folder = tempProject({ ...PROJECT, ...files })
  const told = [...SECRETS, ...SECRETS.map((secret) => JSON.stringify(secret).slice(1, -1)), ...NAMES, String(crm.port)]
  const hidden = (text: Buffer | string, what: string): void =>
    assert.is(
      told.find((secret) => text.includes(secret)),
      undefined,
      `${what} tells what the project says:\n${text}`,
    )
  const first = await cli(folder, ['run', '--verbose'], WITH_PASSWORDS)
  assert.match(first.all, /seeknal\/erp\.yml:10:3: A password stands in the project\. \[VALIDATE_PASSWORD\]/)
  assert.match(first.all, /password: \*\*\*/)
  hidden(first.all, 'run')
  for (const args of [
    ['validate', '--json'],
    ['lock', '--accept'],
    ['plan', '--json'],
    ['parse', '--format', 'json'],
    ['compile', '--stop-after', 'load', '--json'],
    ['compile', '--stop-after', 'validate', '--json'],
    ['compile', '--stop-after', 'resolve', '--json'],
    ['compile', '--stop-after', 'bind', '--json'],
    ['compile', '--json'],
    ['dry-run', 'draft.yml'],
    ['run', '--full', '--json', '--verbose'],
    ['history'],
  ])
    hidden((await ends(0, folder, args, WITH_PASSWORDS)).all, args.join(' '))
  for (const file of ['seeknal/crm.yml', 'seeknal/erp.yml'] as const) {
    const text = files[file].replace('table: public.t', 'query: SELECT * FROM t WHERE id >= 0')
    writeFiles(folder, { [file]: text })
  }
  for (const args of [
    ['env', 'plan', 'dev', '--json'],
    ['env', 'apply', 'dev', '--json'],
    ['env', 'plan', 'qa'],
    ['env', 'apply', 'qa', '--force', '--verbose'],
    ['env', 'promote', 'dev', '--yes', '--json'],
  ])
    hidden((await ends(0, folder, args, WITH_PASSWORDS)).all, args.join(' '))
  const wrong = { env: { CRM_PW: 'wrong-s3cret' } }
  const failed = await ends(1, folder, ['run', '--full', '--verbose'], wrong)
  for (const secret of [...SECRETS, 'wrong-s3cret']) assert.not.ok(failed.all.includes(secret), failed.all)
  const passwords = [...SECRETS, ...SECRETS.map((secret) => JSON.stringify(secret).slice(1, -1)), 'wrong-s3cret']
  const written = filesBelow(folder).filter((path) => !(path.slice(folder.length + 1) in files))
  assert.ok(written.length > 30, 'files were written')
  for (const path of written) {
    const bytes = readFileSync(path)
    const found = (path.includes('/journal') || path.includes('/runs/') ? passwords : told).find((t) =>
      bytes.includes(t),
    )
    assert.is(found, undefined, `${path} holds '${found}'`)
  }
})

test.run()
