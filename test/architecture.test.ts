// The rules of the house that a machine can check. Each failure names file and line and says what to do instead.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { ts } from 'ts-morph'
import * as assert from 'uvu/assert'
import { lineOf, type SourceFile, sourceFiles } from './support/sources.ts'
import { suite } from './support/suite.ts'

const test = suite('architecture')
const files = sourceFiles('compiler', 'runtime', 'test')
const product = files.filter((file) => !file.path.startsWith('test/'))
const passes = product.filter((file) => file.path.startsWith('compiler/') && !file.path.startsWith('compiler/cli/'))

/** Fails with every violation, and with what to do instead. */
function none(violations: readonly string[], advice: string): void {
  assert.ok(violations.length === 0, `${advice}\n${violations.map((violation) => `  ${violation}`).join('\n')}`)
}

const importsThat = (among: readonly SourceFile[], isWrong: (target: string, path: string) => boolean): string[] =>
  among.flatMap((file) =>
    file.imports
      .filter(({ target }) => isWrong(target, file.path))
      .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
  )

const nodesThat = (among: readonly SourceFile[], isWrong: (node: ts.Node) => boolean): string[] =>
  among.flatMap((file) =>
    file.nodes
      .filter(isWrong)
      .map((node) => `${file.path}:${lineOf(file.tree, node)} ${node.getText().split('\n')[0]?.slice(0, 80)}`),
  )

const isOurs = (target: string): boolean => /^(compiler|runtime|templates|test|fixtures)\//.test(target)

test('Nothing in runtime/ needs the compiler', () => {
  const runtime = product.filter((file) => file.path.startsWith('runtime/'))
  const wrong = importsThat(runtime, (target) => target.startsWith('compiler/'))
  none(
    wrong,
    'The runtime may be installed alone. Move what both need to runtime/contract/, or pass it as an argument.',
  )
})

test('A pass needs only the compiler, the contract and its own library', () => {
  const libraries: Readonly<Record<string, readonly string[]>> = {
    yaml: ['compiler/load'],
    handlebars: ['compiler/emit'],
    'ts-morph': ['compiler/emit'],
    typebox: ['compiler/schema/', 'compiler/validate'],
  }
  const wrong = importsThat(passes, (target, path) => {
    if (target.startsWith('compiler/cli/')) return true
    if (isOurs(target)) return !/^(compiler|runtime\/contract|templates)\//.test(target)
    return !libraries[target]?.some((prefix) => path.startsWith(prefix))
  })
  none(wrong, 'Passes are pure. Let compiler/cli/ do it, and hand the result in through compiler/ports.ts.')
})

test('A pass knows no clock, no chance, no process and no locale', () => {
  const wrong = nodesThat(passes, (node) => {
    if (ts.isPropertyAccessExpression(node)) {
      const text = node.getText()
      return text === 'Math.random' || /^(toLocale\w+|localeCompare)$/.test(node.name.text)
    }
    return ts.isIdentifier(node) && /^(Date|Intl|process|performance)$/.test(node.text) && !isName(node)
  })
  none(wrong, 'The same input must give the same bytes. Take it as an argument; sort with byCodeUnit.')
})

/** Whether the identifier only names a property or a member. */
const isName = (node: ts.Identifier): boolean =>
  (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
  (ts.isPropertyAssignment(node.parent) && node.parent.name === node) ||
  (ts.isPropertySignature(node.parent) && node.parent.name === node)

test('A database driver is imported only by its own engine', () => {
  const home: Readonly<Record<string, string>> = {
    '@duckdb/node-api': 'runtime/engines/duckdb/',
    '@duckdb/node-bindings': 'runtime/engines/duckdb/',
    pg: 'runtime/engines/postgresql/',
    'pg-copy-streams': 'runtime/engines/postgresql/',
    'libpg-query': 'runtime/engines/postgresql/',
  }
  const wrong = importsThat(product, (target, path) => home[target] !== undefined && !path.startsWith(home[target]))
  none(wrong, 'Ask through runtime/engine.ts or compiler/ports.ts, and implement it under runtime/engines/<name>/.')
})

test('Every package that is imported is declared', () => {
  const declared: { readonly dependencies: object; readonly devDependencies: object } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  )
  const names = [...Object.keys(declared.dependencies), ...Object.keys(declared.devDependencies)]
  const isPackage = (target: string): boolean =>
    !target.startsWith('node:') && !target.endsWith('.ts') && !existsSync(target)
  const wrong = importsThat(files, (target) => isPackage(target) && !names.includes(target))
  none(wrong, 'Add it to package.json, with its exact version.')
})

// Types may refer to each other: a pass's parts take the type that its entry file exports.
test('No file needs itself through others', () => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const state = new Map<string, 'open' | 'done'>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'open') cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    if (state.has(path)) return
    state.set(path, 'open')
    for (const { target, typeOnly } of byPath.get(path)?.imports ?? []) {
      if (byPath.has(target) && !typeOnly) visit(target, [...trail, path])
    }
    state.set(path, 'done')
  }
  for (const { path } of files) visit(path, [])
  none(cycles, 'Move what both files need into a third one.')
})

test('Names and texts of SQL are quoted in one place on each side', () => {
  const homes = [
    'compiler/dialect/duckdb.ts',
    'runtime/contract/postgresql-names.ts',
    'runtime/engines/duckdb/quoting.ts',
  ]
  // Quotes are doubled in CSV too.
  const others = product.filter((file) => ![...homes, 'runtime/repl/formats.ts'].includes(file.path))
  const wrong = nodesThat(others, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false
    const [from, to] = node.arguments
    if (!/^replace(All)?$/.test(node.expression.name.text) || from === undefined || to === undefined) return false
    return ts.isStringLiteralLike(to) && (to.text === "''" || to.text === '""')
  })
  none(wrong, `Use what ${homes.join(', ')} export.`)
})

test('Sources live in the folders that architecture.md names', () => {
  const known = ['compiler', 'fixtures', 'runtime', 'templates', 'test']
  const generated = /^(\..*|node_modules|dist.*|target|bundle|example)$/
  const folders = readdirSync('.', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const wrong = folders.map((entry) => entry.name).filter((name) => !known.includes(name) && !generated.test(name))
  none(wrong, 'Put it where the thing is that it belongs to: compiler/, runtime/, templates/, test/ or fixtures/.')
  const vague = files.filter((file) => /(^|\/)(utils|helpers|common|misc)\/|(^|\/)index\.ts$/.test(file.path))
  none(
    vague.map((file) => file.path),
    'Name the file after what it does, and import it directly.',
  )
})

test('Files and functions are short', () => {
  const lines = (text: string): number => text.trimEnd().split('\n').length
  const long = files.filter((file) => lines(file.text) > 400).map((file) => `${file.path}: ${lines(file.text)} lines`)
  none(long, 'More than 400 lines: two things live in it. Give one of them a file of its own.')
  const functions = product.flatMap((file) =>
    file.nodes
      .filter((node) => ts.isFunctionLike(node) && 'body' in node && lines(node.getText()) > 50)
      .map((node) => `${file.path}:${lineOf(file.tree, node)} ${lines(node.getText())} lines`),
  )
  none(functions, 'More than 50 lines: name its parts and make them functions.')
})

test('Nothing is typed any', () => {
  const wrong = nodesThat(files, (node) => node.kind === ts.SyntaxKind.AnyKeyword)
  none(wrong, 'Use unknown and check it, or the type that it has.')
})

test('Only the three kinds of failure are thrown', () => {
  const wrong = nodesThat(
    product,
    (node) => ts.isThrowStatement(node) && /^throw (new )?(Error|TypeError|RangeError)\(/.test(node.getText()),
  )
  none(wrong, "An author's mistake is a Diagnostic value, the world's a RuntimeFailure with a code, ours a Bug.")
})

test('Nothing is left for later', () => {
  const mark = new RegExp(`${'TO'}DO|${'FIX'}ME`)
  const wrong = files.flatMap((file) =>
    file.text.split('\n').flatMap((line, i) => (mark.test(line) ? [`${file.path}:${i + 1} ${line.trim()}`] : [])),
  )
  none(wrong, 'Do it now, or file an issue and say in words what the code does not do.')
})

test('Every test file counts its tests', () => {
  const wrong = files
    .filter((file) => file.path !== 'test/support/suite.ts')
    .flatMap((file) => file.imports.filter((i) => i.specifier === 'uvu').map((i) => `${file.path}:${i.line}`))
  none(wrong, "import { suite } from test/support/suite.ts: uvu alone is green when a suite's hook throws.")
})

test.run()
