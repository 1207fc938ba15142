// A command that is killed at each change that it makes below target/: production is one of the two generations byte for
// byte, every command works, and the same command again brings what it would have brought.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { verifyHistory } from '../../runtime/history.ts'
import { heldLocks } from '../../runtime/store/locks.ts'
import { openStore } from '../../runtime/store/store.ts'
import { cli, does } from './cli.ts'
import { copyOf } from './prepared.ts'
import { production, tree } from './runtime-project.ts'
import { command } from './seeknal.ts'
import { shop } from './shop.ts'
import { tempFolder, tempProject } from './temp.ts'

const program = pathToFileURL(fileURLToPath(new URL('../programs/kill-at.js', import.meta.url))).href

const daily = 'seeknal/transforms/daily.yml'

/** Does commands one after the other; `edit` gives a node one more column. */
async function done(folder: string, commands: readonly (readonly string[])[]): Promise<void> {
  for (const args of commands) {
    if (args[0] === 'edit') edit(folder)
    else await does(folder, args)
  }
}

function edit(folder: string): void {
  const text = readFileSync(join(folder, daily), 'utf8')
  const columns = text.split('AS c').length
  writeFileSync(join(folder, daily), text.replace('AS revenue', `AS revenue, ${columns} AS c${columns}`))
}

/** Runs the built command, killed at its change `at` below target/; 0: to its end. */
export function killed(folder: string, args: readonly string[], at: number) {
  const log = join(tempFolder('log'), 'changes.json')
  const env = { ...process.env, HOME: folder, KILL_BELOW: join(folder, 'target'), KILL_AT: String(at), KILL_LOG: log }
  const child = spawnSync(process.execPath, ['--import', program, command, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  const changes: string[] = existsSync(log) ? JSON.parse(readFileSync(log, 'utf8')) : []
  return { signal: child.signal, status: child.status, changes, all: child.stdout + child.stderr }
}

/** The file or folder that is made aside by a change, or ''. A rename is one only when it begins aside as well. */
function aside(change = ''): string {
  const of = (path = ''): string => /^(tmp\/[^/]+|(?:.*?\/)?\.[^/]+)/.exec(path)?.[1] ?? ''
  const [, to, from] = /^\w+ (\S+)(?: from (\S+))?$/.exec(change) ?? []
  return from !== undefined && of(from) === '' ? '' : of(to)
}

/**
 * Numbers of the changes. What is made aside is killed once, when most of it is there. Taking a lock and writing a file
 * beside another are the same for all commands, and one file of a bundle stands for all.
 */
function worthKilling(changes: readonly string[], locks: boolean): number[] {
  const many = locks
    ? / cache\//
    : / cache\/| locks\/|^write environments\/[^/]+\/(promotion\/)?\.|\/bundle\/(?!diff\.json|bundle\.json)/
  return changes.flatMap((change, i) =>
    !many.test(change) && (aside(change) === '' || aside(change) !== aside(changes[i + 1])) ? [i + 1] : [],
  )
}

/** Documents without times and run ids. */
const undated = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(files).filter(
      ([path]) => path !== '.' && !/(^|\/)(generation\.json|run_state\.json|env_config\.json|report\.md)$/.test(path),
    ),
  )

const environments = (folder: string) => {
  const path = join(folder, 'target/environments')
  return existsSync(path) ? undated(tree(path)) : {}
}

export interface KillCase {
  /** In place of files of the shop. */
  readonly files?: Readonly<Record<string, string>>
  readonly before: readonly (readonly string[])[]
  readonly args: readonly string[]
  /** What brings the same when it is done again. Default: the same command. */
  readonly again?: readonly (readonly string[])[]
  /** The environments are as they were or as they were to be, too. */
  readonly whole?: boolean
  /** Also what is the same for all commands. */
  readonly locks?: boolean
}

/** Kills on a copy of the project at each change that is worth it; how many there were. */
export async function killEverywhere({
  files = {},
  before,
  args,
  again = [args],
  whole = false,
  locks = false,
}: KillCase): Promise<number> {
  const project = tempProject({ ...shop, ...files })
  await done(project, before)
  const [old, oldEnvironments] = [production(project), environments(project)]
  const finished = copyOf(project)
  const { status, changes, all } = killed(finished, args, 0)
  assert.is(status, 0, all)
  const [wanted, wantedEnvironments] = [undated(production(finished)), environments(finished)]
  const points = worthKilling(changes, locks)
  for (const at of points) {
    const what = `${args.join(' ')}, killed at ${at} (${changes[at - 1]})`
    const copy = copyOf(project)
    assert.is(killed(copy, args, at).signal, 'SIGKILL', what)
    const found = production(copy)
    if (found['.'] === old['.']) assert.equal(found, old, what)
    else assert.equal(undated(found), wanted, what)
    if (whole) {
      const kept = JSON.stringify(readable(copy))
      assert.ok(
        [oldEnvironments, wantedEnvironments].some((one) => JSON.stringify(one) === kept),
        `${what}: ${kept}`,
      )
    }
    await everythingAnswers(copy, what)
    for (const command of again) {
      const ended = await cli(copy, command)
      const isGone = command.includes('delete') && ended.code === 2 && ended.err.includes('no environment')
      assert.ok(ended.code === 0 || isGone, `${what}: ${command.join(' ')}: ${ended.all}`)
    }
    await does(copy, ['clean'])
    assert.equal(undated(production(copy)), wanted, what)
    assert.equal(environments(copy), wantedEnvironments, what)
    assert.equal(await verifyHistory(copy), [], what)
    assert.equal([heldLocks(openStore(copy)), readdirSync(join(copy, 'target/tmp'))], [[], []], what)
  }
  return points.length
}

/** A file that was being written when its process was killed; the next writer removes it. */
const isBeside = (path: string): boolean => /\.[0-9a-f]{12}$/.test(path)

/** The environments as readers see them: what waits aside is in its place. */
function readable(folder: string): Readonly<Record<string, string>> {
  const files = Object.fromEntries(Object.entries(environments(folder)).filter(([path]) => !isBeside(path)))
  const isThere = (name: string) => Object.keys(files).some((path) => path.startsWith(`${name}/`))
  const seen = Object.entries(files).flatMap(([path, digest]): [string, string][] => {
    const aside = /^\.([^/]*)\.before\/(.*)$/.exec(path)
    if (aside === null) return [[path, digest]]
    return isThere(aside[1] ?? '') ? [] : [[`${aside[1]}/${aside[2]}`, digest]]
  })
  return Object.fromEntries(seen.sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function everythingAnswers(folder: string, what: string): Promise<void> {
  const list: { readonly problem: string | null }[] = JSON.parse(await does(folder, ['env', 'list', '--json']))
  assert.equal(
    list.map((row) => row.problem),
    list.map(() => null),
    what,
  )
  await does(folder, ['history', '--verify'])
  if (production(folder)['.'] !== undefined) await does(folder, ['repl', '-e', 'FROM transform_daily'])
}
