// A command whose database is a server's, killed at each message that changes something there, or whose server is: what is found
// then is what was, or what the command makes, and the command again makes what it makes undisturbed.

import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { does } from './cli.ts'
import { cutOff, disturbed } from './disturbed-command.ts'
import type { EngineProject } from './engine-project.ts'
import { alone } from './fault-project.ts'
import { keptDatabase } from './kept-database.ts'
import { postgresServer } from './postgres.ts'
import { copyOf } from './prepared.ts'
import { command } from './seeknal.ts'
import type { Statement } from './sent-statements.ts'
import { type Comparison, differences, wholeDatabase } from './whole-database.ts'

const program = pathToFileURL(fileURLToPath(new URL('../programs/kill-at-change.js', import.meta.url))).href

/** The built command in a process of its own, ended with SIGKILL after its `at`-th statement that changes something. */
function killed(folder: string, args: readonly string[], at: number): string | null {
  const child = spawnSync(process.execPath, ['--import', program, command, ...args], {
    cwd: folder,
    env: { ...process.env, HOME: folder, NO_COLOR: '1', KILL_AT: String(at) },
  })
  return child.signal
}

interface Change {
  /** Its number among all that change something. */
  readonly at: number
  readonly sql: string
}

/** Statements after which something is there that was not before; of a transaction its last one and its COMMIT. */
function changesIn(sent: readonly Statement[]): Change[] {
  const open = new Set<number>()
  let at = 0
  return sent.flatMap(({ socket, sql, isChange }, i) => {
    if (/^BEGIN/.test(sql)) open.add(socket)
    else if (/^(COMMIT|ROLLBACK)/.test(sql)) open.delete(socket)
    if (!isChange) return []
    at += 1
    const next = sent.slice(i + 1).find((other) => other.socket === socket)
    return open.has(socket) && next?.sql !== 'COMMIT' ? [] : [{ at, sql }]
  })
}

/** Who held a lock, runs that nobody saw the end of, and what is told of a run: they say nothing of what is there. */
const LEFT: Comparison = {
  without: ['report.md'],
  ledgerWithout: ['holders', 'runs'],
  replaced: [[/"status":"(executed|reused)"/g, '"status":"made"']],
}

/** Without tables that a killed run has made and nobody knows: `clean` removes them. */
const known = (lines: readonly string[]): string[] => lines.filter((line) => !line.includes('__?'))

/** What others see, and what the commands go on from: not what a run prepares, which nobody looks at before its end. */
const visible = (lines: readonly string[]): string[] =>
  lines.filter(
    (line) =>
      !/__\?|seeknal_next_|^seeknal\.(outputs|schemas|bundles):|(^|["\s])(dev_analytics|seeknal_store)\b|^schemas:|advisory/.test(
        line,
      ),
  )

const ended = (project: EngineProject) =>
  project.rows(
    "SELECT DISTINCT command, environment, outcome FROM seeknal.runs WHERE outcome <> 'nothing' ORDER BY 1, 2, 3",
  )

export interface KillOptions {
  /** Kills the server in place of the client. */
  readonly server?: boolean
}

/** How many times it was killed. The project is as after the command then. */
export async function killEverywhere(
  project: EngineProject,
  args: readonly string[],
  { server: isServer = false }: KillOptions = {},
): Promise<number> {
  const { folder, database } = project
  const start = copyOf(folder)
  const state = await keptDatabase(database, args.join('_').replace(/\W/g, '_'))
  const before = visible(await wholeDatabase(database, LEFT))
  const { ended: first, sent } = await disturbed(folder, args, 0, () => {})
  assert.is(first.code, 0, first.all)
  const undisturbed = await wholeDatabase(database, LEFT)
  const [done, wanted, outcomes] = [visible(undisturbed), known(undisturbed), await ended(project)]
  assert.is.not(differences(before, done), '', `${args.join(' ')} changes nothing`)
  const points = changesIn(sent)
  for (const [i, { at, sql }] of points.entries()) {
    const what = `${args.join(' ')}, ${isServer ? 'the server' : 'the client'} killed after change ${at}: ${sql.slice(0, 100)}`
    await state.restore()
    const copy = copyOf(start)
    const left = isServer
      ? await killServer(copy, args, at, what)
      : await killClient(copy, args, at, i === points.length - 1)
    assert.ok(left, what)
    await alone(project)
    const found = visible(await wholeDatabase(database, LEFT))
    const isDone = differences(found, done) === ''
    if (!isDone) assert.is(differences(before, found), '', what)
    await does(left, args)
    assert.is(differences(wanted, known(await wholeDatabase(database, LEFT))), '', `again after ${what}`)
    assert.equal(await ended(project), outcomes, `again after ${what}`)
  }
  await does(folder, ['clean'])
  const left = (await wholeDatabase(database, LEFT)).filter((line) => line.includes('__?'))
  assert.equal(left, [], 'what clean leaves of runs that were killed')
  return points.length
}

/** The folder that the client leaves. A process of its own is killed as well as one that is cut off, and costs much more. */
async function killClient(folder: string, args: readonly string[], at: number, isProcess: boolean) {
  if (!isProcess) return cutOff(folder, args, at)
  return killed(folder, args, at) === 'SIGKILL' ? folder : undefined
}

async function killServer(folder: string, args: readonly string[], at: number, what: string): Promise<string> {
  const server = await postgresServer()
  const { ended } = await disturbed(folder, args, at, () => process.kill(server.pid(), 'SIGQUIT'))
  assert.ok(ended.code === 0 || ended.code === 1 || ended.code === 3, `${what}: ${ended.code}: ${ended.all}`)
  await server.gone()
  await server.start()
  return folder
}
