// The PostgreSQL server of the tests: what other tests rely on.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { postgresServer } from './support/postgres.ts'
import { suite } from './support/suite.ts'

const test = suite('postgres-server')

test('Each database has an owner of its own, and a crashed server starts again on its data', async () => {
  const server = await postgresServer()
  const dev = await server.create({ database: 'dev', user: 'dev_owner', password: "it's dev" })
  await dev.sql('CREATE TABLE kept (n integer); INSERT INTO kept VALUES (1), (2)')
  await dev.sql('CHECKPOINT').catch(() => dev.superuser('CHECKPOINT'))
  await server.stop('SIGKILL')
  await server.start()
  assert.equal(await dev.sql('SELECT count(*)::int AS n, current_user::text AS who FROM kept'), [
    { n: 2, who: 'dev_owner' },
  ])
})

test('A server is gone when the test that started it was killed', async () => {
  await postgresServer()
  const holder = spawn(process.execPath, [fileURLToPath(new URL('./programs/postgres-holder.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(holder.stdout, 'data')
  const { url } = JSON.parse(String(line))
  await connects(url)
  holder.kill('SIGKILL')
  // Until it is gone it may take a connection and drop it.
  let last: unknown
  for (let turn = 0; turn < 250 && last !== 'ECONNREFUSED'; turn += 1) {
    await sleep(20)
    last = await connects(url).then(
      () => 'it answers',
      (error) => error.code,
    )
  }
  assert.is(last, 'ECONNREFUSED')
})

async function connects(url: string): Promise<void> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  await client.end()
}

test.run()
