import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { certificates } from '../support/certificates.ts'
import { cli, does, ends, rowsOf } from '../support/cli.ts'
import { postgresServer, type TestDatabase } from '../support/postgres.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject, writeFiles } from '../support/temp.ts'

const test = suite('cli/profile')
const PASSWORD = "pass w'or\\d-5$x"

let made: Promise<TestDatabase> | null = null

async function database(): Promise<TestDatabase> {
  const server = await postgresServer()
  made ??= server.create({ database: 'profiles', user: 'profiles', password: PASSWORD })
  return made
}

const named = (name: string) => `connections:\n  ${name}: {host: ${name}.example}\n`

async function shown(folder: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  const out = await does(folder, ['profile', 'show', '--json', ...args], { env })
  return JSON.parse(out)
}

/** field → [value, from] of the only connection. */
async function fieldsOf(profile: string, env: Record<string, string> = {}, others: Record<string, string> = {}) {
  const folder = tempProject({ ...shop, 'profiles.yml': profile, ...others })
  const { connections } = await shown(folder, [], env)
  return Object.fromEntries(
    connections[0].fields.map((f: { field: string; value: unknown; from: string }) => [f.field, [f.value, f.from]]),
  )
}

test('The first profile that is there is used: named, of the environment, of the project, of the home folder', async () => {
  const folder = tempProject(shop)
  const home = tempProject({})
  const env = { HOME: home }
  const which = async (...args: string[]) => {
    const profile = await shown(folder, args, env)
    return profile === null ? null : `${profile.connections[0].name} ${profile.profile}`
  }
  assert.is(await which(), null)
  writeFiles(home, { '.seeknal/profiles.yml': named('e') })
  assert.is(await which('--env', 'dev'), 'e ~/.seeknal/profiles.yml')
  writeFiles(folder, { 'profiles.yml': named('d') })
  assert.is(await which('--env', 'dev'), 'd profiles.yml')
  assert.is(await which(), 'd profiles.yml')
  writeFiles(home, { '.seeknal/profiles-dev.yml': named('c') })
  assert.is(await which('--env', 'dev'), 'c ~/.seeknal/profiles-dev.yml')
  writeFiles(folder, { 'profiles-dev.yml': named('b') })
  assert.is(await which('--env', 'dev'), 'b profiles-dev.yml')
  assert.is(await which('--env', 'other'), 'd profiles.yml')
  writeFiles(folder, { 'else/where.yml': named('a') })
  assert.is(await which('--env', 'dev', '--profile', 'else/where.yml'), 'a else/where.yml')
  await ends(2, folder, ['profile', 'show', '--profile', 'nowhere.yml'], { env })
})

test('Variables come from the environment, then from .env, then from their default, and are put in once', async () => {
  const profile = `connections:
  w:
    host: \${DB_HOST:fallback.example}
    port: \${DB_PORT}
    database: \${DB_NAME}
    user: $DB_USER
    password: \${DB_PASSWORD}
    application_name: a$$b
`
  const env = { DB_HOST: '', DB_PORT: '6543', DB_USER: 'u$DB_PORT', DB_PASSWORD: 'secret$DB_PORT' }
  const fields = await fieldsOf(profile, env, { '.env': '# c\nexport DB_NAME="n a\\"me" # c\nDB_PORT=1\n' })
  assert.equal(fields.host, ['', 'profiles.yml:3, $DB_HOST of the environment'])
  assert.equal(fields.port, ['6543', 'profiles.yml:4, $DB_PORT of the environment'])
  assert.equal(fields.database, ['n a"me', 'profiles.yml:5, $DB_NAME of .env'])
  assert.equal(fields.user, ['u$DB_PORT', 'profiles.yml:6, $DB_USER of the environment'])
  assert.equal(fields.password, ['***', 'profiles.yml:7, $DB_PASSWORD of the environment'])
  assert.equal(fields.application_name, ['a$b', 'profiles.yml:8'])
  assert.equal(fields.sslmode, ['prefer', 'default'])
  const without = await fieldsOf(profile)
  assert.equal(without.host, ['fallback.example', 'profiles.yml:3, $DB_HOST by default'])
  assert.equal(without.port, [null, 'profiles.yml:4, $DB_PORT is not set'])
})

test('A missing variable is an error that names it and its place, for the connection that needs it only', async () => {
  const db = await database()
  const folder = tempProject({
    ...shop,
    'profiles.yml': `connections:
  here: {host: ${db.host}, port: ${db.port}, database: ${db.database}, user: ${db.user}, password: '\${PW}'}
  other: {host: x, password: '\${NOT_SET}'}
`,
  })
  await does(folder, ['connection', 'test', 'here'], { env: { PW: PASSWORD } })
  const { err } = await ends(2, folder, ['connection', 'test', 'other'], { env: { PW: PASSWORD } })
  assert.match(err, "profiles.yml:3:30: 'password' of the connection 'other' needs the environment variable 'NOT_SET'")
})

test('What is wrong in a profile is said with its place, and nothing of its text', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'connections:\n  w: {port: 70000}\n',
      /profiles\.yml:2:13: 'port' of the connection 'w' is '70000'; a whole number/,
    ],
    ['connections:\n  w: {port: true}\n', /profiles\.yml:2:13: 'port'/],
    ['connections:\n  w: {sslmode: requires}\n', /2:16: 'sslmode'.*Did you mean 'require'/s],
    ['connections:\n  w: {connect_timeout: -1}\n', /2:24: 'connect_timeout'/],
    ['connections:\n  w: {lock_timeout: soon}\n', /2:21: 'lock_timeout'.*a time such as/],
    ['connections:\n  w: {host: ""}\n', /'host' of the connection 'w' is empty/],
    ['connections:\n  w: {host: [a]}\n', /2:13: 'host' of the connection 'w' is a list/],
    ['connections:\n  w: 5\n', /2:6: The connection 'w' is no mapping/],
    ['connections: [w]\n', /1:14: 'connections' is no mapping/],
    ['- a\n', /1:1: A profile is a mapping/],
    ['connections:\n  w: {type: oracle}\n', /the type 'oracle', which is not supported yet/],
    ['connections:\n  w: {url: "mysql://u:hunter22@h/d"}\n', /2:12: 'url' of the connection 'w' is no URL/],
    ['connections:\n  w: {url: "postgresql://u:hunter22@h:x/d"}\n', /'url' of the connection 'w' is no URL/],
    ['connections:\n  w: {url: "postgresql://h/d?sslmod=x"}\n', /parameter 'sslmod'.*Did you mean 'sslmode'/s],
    ['connections:\n  x: {}\n', /The connection 'w' is not known.*Did you mean 'x'|Its connections: x/s],
    ['connections:\n  w: {host: a, password: hunter22\n', /profiles\.yml:\d+:\d+: This is not YAML/],
    ['connections:\n  w: {host: a}\n  w: {password: hunter22}\n', /3:3: This is not YAML \(duplicate key\)/],
  ]
  for (const [profile, message] of cases) {
    const folder = tempProject({ ...shop, 'profiles.yml': profile })
    const { all } = await ends(2, folder, ['connection', 'test', 'w'])
    assert.match(all, message)
    assert.not.match(all, 'hunter22')
  }
})

test('A run names every connection that the profile does not give before it executes anything', async () => {
  const node = (name: string, connection: string) => `kind: transform
name: ${name}
transform: SELECT 1 AS n
materializations:
  - {type: postgresql, connection: ${connection}, table: s.${name}, mode: overwrite}
`
  const folder = tempProject({
    'seeknal_project.yml': 'name: p\n',
    'seeknal/a.yml': node('a', 'wh'),
    'seeknal/b.yml': node('b', 'lake'),
    'profiles.yml': named('warehouse'),
  })
  for (const args of [['run'], ['run', '--nodes', 'transform.a,transform.b', '--full']]) {
    const { err } = await ends(2, folder, args)
    assert.match(err, /seeknal\/a\.yml:5:\d+: transform\.a: s\.a cannot be written: The connection 'wh' is not known/)
    assert.match(err, /seeknal\/b\.yml:5:\d+: transform\.b: s\.b cannot be written: The connection 'lake' is not known/)
    assert.match(err, 'Nothing was executed')
  }
  assert.not.ok(existsSync(join(folder, 'target/journal')))
  assert.match((await cli(folder, ['plan'])).err, "transform.b: s.b cannot be written: The connection 'lake'")
  // What does not need them is not kept from running.
  await does(folder, ['env', 'plan', 'dev'])
  assert.match((await ends(2, folder, ['env', 'apply', 'dev'])).err, 'transform.a: dev_s.a cannot be written')
  const { code, all } = await cli(folder, ['run', '--continue-on-error'])
  assert.is(code, 1, all)
  assert.match(all, /seeknal\/b\.yml:5:\d+: transform\.b: s\.b: The connection 'lake' is not known/)
})

test('Fields that are not known are ignored with a warning that names the nearest', async () => {
  const folder = tempProject({ ...shop, 'profiles.yml': 'connection: {}\nconnections:\n  w: {hosts: a}\n' })
  const { err } = await cli(folder, ['profile', 'show'])
  assert.match(err, "profiles.yml:1:13: 'connection' is not known here; it is ignored. Did you mean 'connections'?")
  assert.match(
    err,
    "profiles.yml:3:14: 'hosts' of the connection 'w' is not known here; it is ignored. Did you mean 'host'?",
  )
  await does(tempProject({ ...shop, 'profiles.yml': 'connections:\n' }), ['profile', 'show'])
  await does(tempProject({ ...shop, 'profiles.yml': '' }), ['profile', 'show'])
})

test('A connection is tried by its fields or its URL, and says what it reached', async () => {
  const db = await database()
  const url = `postgresql://${db.user}:${encodeURIComponent(PASSWORD)}@localhost:${db.port}/${db.database}`
  const folder = tempProject({
    ...shop,
    'profiles.yml': `connections:
  fields: {type: postgres, host: ${db.host}, port: "${db.port}", dbname: ${db.database}, user: ${db.user}, password: '\${PW}', sslmode: disable}
  url: {url: "${url}?sslmode=verify-full&sslrootcert=ca.crt"}
  both: {url: '\${URL}', database: ${db.database}}
  socket: {host: ${(await postgresServer()).socketFolder}, port: ${db.port}, database: ${db.database}, user: ${db.user}, password: '\${PW}'}
`,
    'ca.crt': readFileSync(join(await certificates(), 'ca.crt'), 'utf8'),
  })
  const env = { PW: PASSWORD, URL: url.replace(/\/profiles$/, '/elsewhere') }
  const tried = async (name: string) => {
    const out = await does(folder, ['connection', 'test', name, '--json'], { env })
    return JSON.parse(out)
  }
  const plain = await tried('fields')
  assert.equal(
    { ...plain, ms: 0, server_version: '' },
    {
      connection: 'fields',
      ok: true,
      host: db.host,
      port: db.port,
      database: db.database,
      user: db.user,
      server_version: '',
      tls: false,
      ms: 0,
      without: [],
    },
  )
  assert.match(plain.server_version, /^\d+\.\d+/)
  assert.is((await tried('url')).tls, true)
  assert.is((await tried('both')).database, db.database)
  assert.is((await tried('socket')).tls, false)
  const text = await does(folder, ['connection', 'test', 'fields'], { env })
  assert.match(text, /PostgreSQL \d+\.\d+, not encrypted, \d+/)
})

test('A password that the profile does not have is looked up like libpq does', async () => {
  const db = await database()
  const folder = tempProject({
    ...shop,
    'profiles.yml': `connections:\n  w: {host: ${db.host}, port: ${db.port}, database: ${db.database}, user: ${db.user}}\n`,
  })
  const home = join(folder, 'home')
  mkdirSync(home)
  const { err } = await ends(1, folder, ['connection', 'test', 'w'], { env: { HOME: home } })
  assert.match(err, /the server asks for a password, and there is none.\n.*'password'.*PGPASSWORD.*~\/\.pgpass/)
  await does(folder, ['connection', 'test', 'w'], { env: { HOME: home, PGPASSWORD: PASSWORD } })
  const pass = join(home, '.pgpass')
  const escapedPassword = PASSWORD.replaceAll('\\', '\\\\')
  writeFileSync(pass, `# c\nelse:*:*:*:no\n${db.host}:*:${db.database}:*:${escapedPassword}\n*:*:*:*:late\n`)
  chmodSync(pass, 0o644)
  await ends(1, folder, ['connection', 'test', 'w'], { env: { HOME: home } })
  chmodSync(pass, 0o600)
  await does(folder, ['connection', 'test', 'w'], { env: { HOME: home } })
  await does(folder, ['connection', 'test', 'w'], { env: { HOME: home, PGPASSFILE: '' } })
  await ends(1, folder, ['connection', 'test', 'w'], { env: { HOME: home, PGPASSFILE: home } })
  const { connections } = await shown(folder, [], { HOME: home })
  assert.equal(connections[0].fields.at(-1), { field: 'password', value: '***', from: '~/.pgpass' })
  writeFileSync(join(folder, '.env'), `PGPASSWORD='nothing'\n`)
  const { all } = await ends(1, folder, ['connection', 'test', 'w'], { env: { HOME: home } })
  assert.match(all, /password authentication failed/)
})

test('No password is shown, however a profile writes it', async () => {
  const folder = tempProject({
    ...shop,
    'profiles.yml': `connections:
  at: {url: "postgresql://app:se@cret-one@db.example/shop"}
  slash: {url: "postgresql://app:secret/one@db.example/shop"}
  jdbc: {url: "jdbc:postgresql://db.example/shop?user=app&password=secret-one"}
  short: {url: "postgresql:/app:secret-one@db.example/shop"}
  other: {host: db.example, pwd: secret-one, auth: secret-one, author: ann, application_name: "\${DB_PASSWORD}"}
  plain: {url: "postgresql://app@db.example:5433/shop?sslmode=require"}
`,
  })
  const env = { DB_PASSWORD: 'secret-one' }
  for (const args of [[], ['--json']]) {
    const { all } = await cli(folder, ['profile', 'show', ...args], { env })
    assert.not.match(all, /cret-one|cret\/one/)
    assert.match(all, 'postgresql://***@db.example/shop')
    assert.match(all, 'postgresql://***@db.example:5433/shop?sslmode=require')
    assert.match(all, 'ann')
  }
})

test('A plan is stale when a value of its profile changed, not when a password, a comment or another file did', async () => {
  const folder = tempProject({
    ...shop,
    'profiles-dev.yml': 'connections:\n  w: {host: a, user: $WHO, password: one}\n',
  })
  await does(folder, ['run'])
  writeFiles(folder, { 'seeknal/transforms/daily.yml': shop['seeknal/transforms/daily.yml'].replace('SUM', 'MAX') })
  const env = { WHO: 'me' }
  const plan = JSON.parse(await does(folder, ['env', 'plan', 'dev', '--json'], { env }))
  assert.is(plan.profile_path, 'profiles-dev.yml')
  writeFiles(folder, { 'profiles-dev.yml': '# a comment\nconnections:\n  w: {user: $WHO, password: two, host: a}\n' })
  await does(folder, ['env', 'apply', 'dev', '--dry-run'], { env })
  const { err } = await ends(2, folder, ['env', 'apply', 'dev', '--dry-run'], { env: { WHO: 'you' } })
  assert.match(err, /the profile 'profiles-dev.yml' is another or changed.*seeknal env plan dev/s)
  writeFiles(folder, { 'profiles-dev.yml': 'connections:\n  w: {host: b, user: $WHO, password: one}\n' })
  await ends(2, folder, ['env', 'apply', 'dev'], { env })
  await does(folder, ['env', 'plan', 'dev'], { env })
  await does(folder, ['env', 'apply', 'dev'], { env })
})

test('A table without a schema is looked for in the search path of its connection, which is one schema', async () => {
  const db = await database()
  await db.sql("CREATE SCHEMA IF NOT EXISTS found; CREATE TABLE found.only_here AS SELECT 'yes' AS here")
  const profile = (path: string): string =>
    `connections:\n  w: {type: postgresql, host: ${db.host}, port: ${db.port}, database: ${db.database}, user: ${db.user}, password: '\${PW}', search_path: '${path}'}\n`
  const folder = tempProject({
    'seeknal_project.yml': 'name: path\nversion: "1.0.0"\n',
    'profiles.yml': profile('found'),
    'seeknal/only.yml': 'kind: source\nname: only\nsource: postgresql\nconnection: w\ntable: only_here\n',
  })
  const env = { PW: PASSWORD }
  await does(folder, ['run'], { env })
  assert.equal(await rowsOf(folder, 'SELECT here FROM source.only'), [['yes']])
  assert.match(await does(folder, ['profile', 'show'], { env }), /search_path +found/)
  writeFileSync(join(folder, 'profiles.yml'), profile('found, public'))
  assert.match((await ends(2, folder, ['connection', 'test', 'w'], { env })).err, /names several schemas; name one/)
})

test.run()
