// The repository's own TypeScript as syntax trees, for test/architecture.test.ts: what each file imports and where it
// uses a word, without being fooled by comments and strings.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { ts } from 'ts-morph'
import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'

export interface Import {
  /** `compiler/load.ts` for a file of ours, else the package's name (`yaml`, `@duckdb/node-api`, `node:fs`). */
  readonly target: string
  /** As written. */
  readonly specifier: string
  /** `import type`: gone when the program runs. */
  readonly typeOnly: boolean
  readonly line: number
}

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
  /** All of the tree, parents first. */
  readonly nodes: readonly ts.Node[]
  readonly imports: readonly Import[]
}

/** Every .ts file below the folders, sorted by path. Reads the current folder, which is the repository's root. */
export function sourceFiles(...folders: readonly string[]): readonly SourceFile[] {
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
    .filter((path) => path.endsWith('.ts'))
    .sort(byCodeUnit)
    .map((path) => {
      const text = readFileSync(path, 'utf8')
      const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
      const nodes = nodesOf(tree)
      return { path, text, tree, nodes, imports: importsOf(path, tree, nodes) }
    })
}

function nodesOf(tree: ts.SourceFile): ts.Node[] {
  const nodes: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    nodes.push(node)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return nodes
}

/** 1-based. */
export const lineOf = (tree: ts.SourceFile, node: ts.Node): number =>
  tree.getLineAndCharacterOfPosition(node.getStart()).line + 1

function importsOf(path: string, tree: ts.SourceFile, nodes: readonly ts.Node[]): Import[] {
  const imports: Import[] = []
  for (const node of nodes) {
    const specifier = specifierOf(node)
    if (specifier === undefined || !ts.isStringLiteral(specifier)) continue
    const name = specifier.text
    const file = name.replace(/\?text$/, '')
    const target = name.startsWith('.') ? normalize(join(dirname(path), file)) : packageOf(name)
    imports.push({ target, specifier: name, typeOnly: isTypeOnly(node), line: lineOf(tree, specifier) })
  }
  return imports
}

const isTypeOnly = (node: ts.Node): boolean =>
  ts.isImportTypeNode(node) ||
  (ts.isImportDeclaration(node) && node.importClause?.isTypeOnly === true) ||
  (ts.isExportDeclaration(node) && node.isTypeOnly)

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return node.arguments[0]
  return undefined
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
