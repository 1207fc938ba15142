// A command that is killed at each change that it makes below target/: production is one of the two generations byte for
// byte, every command works, and the same command again brings what it would have brought.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { verifyHistory } from '../../runtime/history.ts'
import { heldLocks } from '../../runtime/store/locks.ts'
import { openStore } from '../../runtime/store/store.ts'
import { afterEachFile } from './after-file.ts'
import { cli, does } from './cli.ts'
import { killStates } from './kill-states.ts'
import { copyOf } from './prepared.ts'
import { production, tree } from './runtime-project.ts'
import { shop } from './shop.ts'
import { tempProject } from './temp.ts'

const daily = 'seeknal/transforms/daily.yml'

const reached = new Map<string, Promise<string>>()
afterEachFile(() => reached.clear())

/** A project on which the commands were done, made once; `edit` gives a node one more column. */
function projectAfter(files: Readonly<Record<string, string>>, commands: readonly (readonly string[])[]) {
  const key = JSON.stringify([files, commands])
  const known = reached.get(key) ?? makeAfter(files, commands)
  reached.set(key, known)
  return known
}

async function makeAfter(files: Readonly<Record<string, string>>, commands: readonly (readonly string[])[]) {
  const args = commands.at(-1)
  if (args === undefined) return tempProject(files)
  const folder = copyOf(await projectAfter(files, commands.slice(0, -1)))
  if (args[0] === 'edit') edit(folder)
  else await does(folder, args)
  return folder
}

function edit(folder: string): void {
  const text = readFileSync(join(folder, daily), 'utf8')
  const columns = text.split('AS c').length
  writeFileSync(join(folder, daily), text.replace('AS revenue', `AS revenue, ${columns} AS c${columns}`))
}

/** The file or folder that is made aside by a change, or ''. A rename is one only when it begins aside as well. */
function aside(change = ''): string {
  const of = (path = ''): string => /^(tmp\/[^/]+|(?:.*?\/)?\.[^/]+)/.exec(path)?.[1] ?? ''
  const [, to, from] = /^\w+ (\S+)(?: from (\S+))?$/.exec(change) ?? []
  return from !== undefined && of(from) === '' ? '' : of(to)
}

/** Changes that are the same for all commands: taking a lock, writing a file beside another; one file of a bundle stands for all. */
const ALIKE = / cache\/| locks\/|^write environments\/[^/]+\/(promotion\/)?\.|\/bundle\/(?!diff\.json|bundle\.json)/

/** Numbers of the changes. What is made aside is killed once, when most of it is there. */
const worthKilling =
  (passed: RegExp) =>
  (changes: readonly string[]): number[] =>
    changes.flatMap((change, i) =>
      !passed.test(change) && (aside(change) === '' || aside(change) !== aside(changes[i + 1])) ? [i + 1] : [],
    )

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
  const project = await projectAfter({ ...shop, ...files }, before)
  const [old, oldEnvironments] = [production(project), environments(project)]
  const passed = locks ? / cache\// : ALIKE
  const { finished, states } = killStates(project, args, passed, worthKilling(passed))
  const [wanted, wantedEnvironments] = [undated(production(finished)), environments(finished)]
  for (const { change, folder: copy } of states) {
    const what = `${args.join(' ')}, killed at ${change}`
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
  return states.length
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
