// Ten clients in folders of their own on one database, and readers who hold what a promotion wants: whoever is refused is refused
// for a reason of its own, nobody is told of a deadlock, and what is there in the end is what some order of the clients makes.

import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { cli, does } from '../support/cli.ts'
import { type EngineProject, engineProject, transform } from '../support/engine-project.ts'
import { started } from '../support/held-command.ts'
import type { TestDatabase } from '../support/postgres.ts'
import type { Ended } from '../support/seeknal.ts'
import { suite } from '../support/suite.ts'

const test = suite('database engine: concurrency')

const NODES = ['n0', 'n1', 'n2', 'n3', 'n4']
const node = (name: string, value: number): string => transform(name, [], `SELECT ${value} AS a`)

interface Client {
  readonly project: EngineProject
  readonly environment: string
  readonly node: string
  readonly value: number
}

type Command = (folder: string, args: readonly string[]) => Promise<Ended>

/** A process of its own: where clients are in each other's way. Elsewhere sessions of their own are enough. */
const alone: Command = (folder, args) => started(folder, args).ended

const all = (
  clients: readonly Client[],
  args: (client: Client) => readonly string[],
  run: Command = cli,
): Promise<Ended[]> => Promise.all(clients.map((client) => run(client.project.folder, args(client))))

/** A session that reads all views from the last to the first and keeps what it locked, again and again; how often it did. */
async function reader(database: TestDatabase): Promise<{ stop(): Promise<number> }> {
  const { host, port, database: name, user, password } = database
  const client = new pg.Client({ host, port, database: name, user, password, ssl: false })
  await client.connect()
  let [isOver, turns] = [false, 0]
  const loop = (async () => {
    for (; !isOver; turns++) {
      await client.query('BEGIN')
      for (const view of [...NODES].reverse()) {
        assert.is((await client.query(`SELECT a FROM analytics.${view}`)).rows.length, 1)
        await sleep(20)
      }
      await sleep(150)
      await client.query('COMMIT')
    }
    await client.end()
  })()
  return {
    stop: async () => {
      isOver = true
      await loop
      return turns
    },
  }
}

interface Switch {
  readonly kind: string
  readonly from: string | null
  readonly to: string
  readonly environment: string | null
}

/** Fails when a view shows another table than the ledger's generation says, or the switches are no chain. */
async function requireConsistent({ database }: EngineProject): Promise<readonly Switch[]> {
  const switches = (await database.sql(
    `SELECT s.kind, s.from_generation::text AS "from", s.to_generation::text AS "to", g.record::jsonb->>'environment' AS environment
     FROM seeknal.switches s JOIN seeknal.generations g ON g.project = s.project AND g.number = s.to_generation ORDER BY s.id`,
  )) as unknown as readonly Switch[]
  for (const [i, { from }] of switches.entries()) assert.is(from, switches[i - 1]?.to ?? null)
  const [now] = await database.sql('SELECT generation::text AS number FROM seeknal.projects')
  assert.is(now?.number, switches.at(-1)?.to)
  const strays = await database.sql(
    `SELECT v->>'name' AS name FROM seeknal.projects p, jsonb_array_elements(seeknal.views_now(p.project)) v
     WHERE position(substring(v->>'query' FROM '"[^"]+"') IN pg_get_viewdef(format('%I.%I', v->>'schema', v->>'name')::regclass)) = 0`,
  )
  assert.equal(strays, [])
  assert.equal(await database.sql('SELECT * FROM seeknal.holders'), [])
  return switches
}

test('Of ten clients at once those are refused whose base moved, and production is what the others make in their order', async () => {
  const project = await engineProject(Object.fromEntries(NODES.map((name) => [`seeknal/${name}.yml`, node(name, 1)])))
  await does(project.folder, ['run'])
  const clients = Array.from({ length: 10 }, (_, i): Client => {
    const [copy, name, value] = [project.copy(), NODES[i % NODES.length] ?? '', 10 + i]
    copy.write(`seeknal/${name}.yml`, node(name, value))
    return { project: copy, environment: `e${i}`, node: name, value }
  })
  const reading = await reader(project.database)
  const said = [
    ...(await all(clients, ({ environment }) => ['env', 'plan', environment])),
    ...(await all(clients, ({ environment }) => ['env', 'apply', environment])),
  ]
  for (const { code, all } of said) assert.is(code, 0, all)
  const promoted = await all(clients, ({ environment }) => ['promote', environment, '--lock-timeout', '120s'], alone)
  assert.ok((await reading.stop()) > 1)
  const winners = clients.filter((_, i) => promoted[i]?.code === 0)
  assert.equal(winners.map((client) => client.node).sort(), NODES, promoted.map((one) => one.all).join('\n'))
  for (const [i, { code, all }] of promoted.entries()) {
    assert.not.match(all, /deadlock|lock timeout|40P01|55P03/)
    if (code === 0) continue
    assert.is(code, 3, all)
    assert.match(all, new RegExp(`transform\\.${clients[i]?.node}`))
  }
  const switches = await requireConsistent(project)
  assert.equal(
    switches.map(({ kind }) => kind),
    ['run', ...winners.map(() => 'promote')],
  )
  assert.equal(
    switches.flatMap(({ environment }) => environment ?? []).sort(),
    winners.map(({ environment }) => environment).sort(),
  )
  for (const { node: name, value } of winners)
    assert.equal(await project.rows(`SELECT a FROM analytics.${name}`), [[String(value)]])
})

test('Who plans again, who runs and who only looks are not in the way of each other', async () => {
  const project = await engineProject(Object.fromEntries(NODES.map((name) => [`seeknal/${name}.yml`, node(name, 1)])))
  await does(project.folder, ['run'])
  const [left, right, runs] = [project.copy(), project.copy(), project.copy()]
  left.write('seeknal/n0.yml', node('n0', 2))
  right.write('seeknal/n1.yml', node('n1', 3))
  for (const { folder } of [left, right]) await does(folder, ['env', 'plan', 'shared'])
  const same = await Promise.all(
    [right, right.copy()].map(({ folder }) => cli(folder, ['env', 'apply', 'shared', '--lock-timeout', '60s'])),
  )
  for (const { code, all } of same) assert.is(code, 0, all)
  const ended = await Promise.all([
    alone(right.folder, ['promote', 'shared', '--lock-timeout', '60s']),
    alone(runs.folder, ['run', '--full', '--lock-timeout', '60s']),
    ...[['env', 'list'], ['history'], ['env', 'plan', 'own']].map((args) => cli(left.folder, args)),
  ])
  const [promoted, ran, ...looked] = ended
  for (const { code, all } of looked) assert.is(code, 0, all)
  // The run makes every node anew, so whichever of the two comes second finds that production moved.
  const codes = [promoted?.code, ran?.code]
  assert.ok(codes.includes(0), ended.map(({ all }) => all).join('\n'))
  for (const code of codes) assert.ok(code === 0 || code === 3, ended.map(({ all }) => all).join('\n'))
  await requireConsistent(project)
})

test.run()
