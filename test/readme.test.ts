// The README is true: what its ```console blocks show is what the built command prints, and its ```yaml blocks with a path
// are the files that it talks about. UPDATE_GOLDEN=1 rewrites the shown output. Times differ from run to run and are
// compared as such.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as assert from 'uvu/assert'
import { byCodeUnit } from '../runtime/contract/canonical-json.ts'
import { command } from './support/seeknal.ts'
import { suite } from './support/suite.ts'
import { tempFolder, writeFiles } from './support/temp.ts'

const test = suite('readme')
const readme = readFileSync('README.md', 'utf8')

/** What differs from run to run, and the order in which nodes end, left out. */
function comparable(text: string): string {
  const lines = text
    .replace(/\b\d+(\.\d+)? (ms|s)\b/g, '‹time›')
    .replace(/\b[0-9a-f]{64}\b/g, '‹digest›')
    .trimEnd()
    .split('\n')
  const nodes = lines.filter(isNode).sort(byCodeUnit).values()
  return lines.map((line) => (isNode(line) ? nodes.next().value : line)).join('\n')
}

const isNode = (line: string): boolean => line.startsWith('  ✓ ')

/** Where the README says that the tutorial's project is. */
const SHOWN_FOLDER = '/home/ann/shop'

/** A folder whose `seeknal` is the built command, as an installed one is. */
function shellIn(folder: string): (line: string) => string {
  const bin = tempFolder('bin')
  writeFileSync(join(bin, 'seeknal'), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`, { mode: 0o755 })
  const env = {
    ...process.env,
    NO_COLOR: '1',
    HOME: bin,
    PATH: `${bin}:${process.env.PATH}`,
    SEEKNAL: join(bin, 'seeknal'),
  }
  return (line) => {
    const run = spawnSync('sh', ['-c', `${line} 2>&1`], { cwd: folder, env, encoding: 'utf8' })
    return run.stdout.replaceAll(folder, SHOWN_FOLDER)
  }
}

/** Compares what a block shows after `$ line` with what is printed now; gives the block with what is printed. */
function checked(block: string, shell: (line: string) => string): string {
  const [, ...parts] = block.split(/^\$ /m)
  const now = parts.map((part) => {
    const [line = '', ...shown] = part.split('\n')
    const printed = shell(line)
    if (process.env.UPDATE_GOLDEN !== '1') assert.is(comparable(printed), comparable(shown.join('\n')), `$ ${line}`)
    return `$ ${line}\n${printed.trimEnd()}\n`
  })
  return now.join('\n')
}

const BLOCK = /```(console|yaml (\S+))\n([\s\S]*?)```/g

test('The tutorial shows what its commands print', () => {
  const folder = join(tempFolder('readme'), 'shop')
  mkdirSync(folder)
  const shell = shellIn(folder)
  const [before = '', tutorial = '', after = ''] = readme.split(/<!-- tutorial (?:begins|ends) -->/)
  const now = tutorial.replace(BLOCK, (_, fence: string, path: string | undefined, body: string) => {
    if (path !== undefined) writeFiles(folder, { [path]: body })
    return `\`\`\`${fence}\n${path === undefined ? checked(body, shell) : body}\`\`\``
  })
  if (process.env.UPDATE_GOLDEN === '1')
    writeFileSync('README.md', [before, 'begins', now, 'ends', after].map(marked).join(''))
  assert.ok([...tutorial.matchAll(BLOCK)].length > 4)
})

const marked = (text: string): string => (/^(begins|ends)$/.test(text) ? `<!-- tutorial ${text} -->` : text)

test('The first command ends with the tables that the README shows', () => {
  const printed = shellIn(resolve('.'))(`.ci/example ${join(tempFolder('readme'), 'shop')}`)
  const tables = readme.match(/<!-- example -->\n```\n([\s\S]*?)```/)?.[1] ?? 'no example block'
  if (process.env.UPDATE_GOLDEN === '1')
    writeFileSync('README.md', readFileSync('README.md', 'utf8').replace(tables, tablesOf(printed)))
  else assert.is(tablesOf(printed), tables)
})

/** From the first question on. */
const tablesOf = (printed: string): string => `${printed.slice(printed.indexOf('$ seeknal repl')).trimEnd()}\n`

test('The table of commands names every command, and no other', () => {
  const help = shellIn(tempFolder('readme'))('seeknal --help')
  const verbs = [...(help.match(/Commands:\n([\s\S]*?)\n\n/)?.[1] ?? '').matchAll(/^ {2}(\w+)/gm)].map(
    ([, verb]) => verb,
  )
  const table = readme.match(/## Commands\n([\s\S]*?)\n## /)?.[1] ?? ''
  const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)/g)].map(([, verb]) => verb),
  )
  assert.equal([...new Set(named)].sort(), [...verbs].sort())
})

test.run()
