// The commands are those that are documented, with the arguments and options that are documented, and no others.

import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { VERBS } from '../../compiler/cli/verbs.ts'
import { aliasesOf, GLOBAL_ARGS } from '../../runtime/cli/arguments.ts'
import { type Command, isGroup, type Verbs } from '../../runtime/cli/command.ts'
import { suite } from '../support/suite.ts'

const test = suite('cli/documented')

const built = readFileSync('fixtures/cli/options.md', 'utf8')

/** Rows of a table: what stands in back quotes, by column. */
const rows = (table: string): string[][][] =>
  [...table.matchAll(/^\| `.*$/gm)].map(([line]) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)),
  )

function commands(verbs: Verbs, before = ''): { path: string; load: () => Promise<Command> }[] {
  return Object.entries(verbs).flatMap(([name, entry]) =>
    isGroup(entry) ? commands(entry.verbs, `${before}${name} `) : [{ path: `${before}${name}`, load: entry.load }],
  )
}

/** As the table writes it. */
function described(path: string, { args }: Command): readonly [string, readonly string[]] {
  const positionals = Object.entries(args).filter(([, def]) => def.type === 'positional')
  const words = positionals.map(([name, def]) => (def.required === false ? `[${name}]` : `<${name}>`))
  const options = Object.entries(args).filter(([, def]) => def.type !== 'positional')
  const dashed = (name: string) => (name.length === 1 ? `-${name}` : `--${name}`)
  return [
    [path, ...words].join(' '),
    options.map(([name, def]) => [...aliasesOf(def), name].map(dashed).join(' ')).sort(),
  ]
}

test('Every documented command has its documented arguments and options, and every other one is documented', async () => {
  const defined = await Promise.all(commands(VERBS).map(async ({ path, load }) => described(path, await load())))
  const documented = rows(built).map(([[command = ''] = [], options = []]) => [command, [...options].sort()] as const)
  assert.equal(Object.fromEntries(documented), Object.fromEntries(defined))
})

test('The options of every command are the documented ones', () => {
  const named = built.slice(0, built.indexOf('| command |')).match(/`--[a-z-]+`/g) ?? []
  assert.equal(named.map((text) => text.slice(3, -1)).sort(), Object.keys(GLOBAL_ARGS).sort())
})

test.run()
