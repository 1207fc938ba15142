// Rewritten steps → the files of the bundle, each with its digest. Deterministic: the same input gives the same bytes on
// every machine. `base` is production's manifest as it was given, so that reviewers and `--check` need no target/.

import { type OpenedBundle, sealed } from '../runtime/contract/bundle.ts'
import { byCodeUnit, prettyJson, sha256 } from '../runtime/contract/canonical-json.ts'
import { ENGINES } from '../runtime/contract/engines.ts'
import { extractFile } from '../runtime/contract/extract.ts'
import type { Manifest } from '../runtime/contract/manifest.ts'
import { stepLoadFile } from '../runtime/contract/table-steps.ts'
import { applySql } from './emit/apply-sql.ts'
import { type Contract, contractOf, promotionFile, stepFile } from './emit/contract.ts'
import { namesIn, type Texts, type Write } from './emit/names.ts'
import { review } from './emit/review.ts'
import { scripts } from './emit/scripts.ts'
import { typesFile } from './emit/types-file.ts'
import type { Outside } from './outside.ts'
import { type KeptBase, pastOf } from './past.ts'
import type { CompileCache } from './ports.ts'
import type { Rewritten, RewrittenStep } from './rewrite.ts'

/** The bundle and its documents. `cache` keeps the texts of types.ts, which are slow to make. */
export async function emit(
  rewritten: Rewritten,
  base: Manifest | null,
  cache: CompileCache,
  kept: KeptBase | undefined,
  outside: Outside,
): Promise<OpenedBundle> {
  const { manifest, diff } = rewritten.planned.diffed
  // First: its syntax trees are gone before the long texts are made.
  const types = outside.types(manifest) ?? (await typesFile(manifest, cache))
  const given = base === null ? null : (kept ?? pastOf(base))
  const nameless = contractOf(rewritten, given?.digest ?? null)
  // Large texts, which other bundles do not need.
  const files = isDatabase(rewritten) ? await import('./emit/database-files.ts') : null
  const forPeople = files === null ? forShell : forPsql(fixedPaths(rewritten, given !== null), files)
  const named = forPeople(rewritten, nameless)
  const names = namesIn(named, forPeople, rewritten, nameless)
  const unsealed = names === undefined ? nameless : { ...nameless, names }
  const texts: [string, string][] = [
    ['diff.json', prettyJson(diff)],
    ['manifest.json', prettyJson(outside.written(manifest))],
    ['prelude.sql', rewritten.prelude],
    ['types.ts', types],
    ...named.map(([path, text]): [string, string] => [path, text]),
    ...rewritten.steps.flatMap(stepTexts),
    ...(given === null ? [] : [['base.json', given.text] satisfies [string, string]]),
    ...(files === null ? [] : [['ledger.sql', files.ledgerSql()] satisfies [string, string]]),
  ]
  texts.sort(([a], [b]) => byCodeUnit(a, b))
  const digestOf = (path: string, text: string): string =>
    path === 'base.json' && given !== null ? given.digest : (outside.digestOf(path, text) ?? sha256(text))
  const digests = texts.map(([path, text]) => [path, digestOf(path, text)] as const)
  const { contract, text: contractText } = sealed({ ...unsealed, files: Object.fromEntries(digests) })
  return {
    contract,
    files: new Map([['bundle.json', contractText], ...texts]),
    manifest,
    base,
    diff,
  }
}

function stepTexts({ id, sql, extract, load, production }: RewrittenStep): [string, string][] {
  const texts: [string, string][] = [[stepFile(id), sql]]
  if (extract !== undefined) texts.push([extractFile(id), extract])
  if (load !== undefined) texts.push([stepLoadFile(id), load])
  if (production !== undefined) texts.push([promotionFile(id), production])
  return texts
}

/** Files of a bundle for a database, but for those that `forPsql` writes. */
const fixedPaths = ({ steps }: Rewritten, hasBase: boolean): readonly string[] => [
  ...['diff.json', 'ledger.sql', 'manifest.json', 'prelude.sql', 'types.ts', ...(hasBase ? ['base.json'] : [])],
  ...steps.flatMap((step) => stepTexts(step).map(([path]) => path)),
]

const isDatabase = ({ planned }: Rewritten): boolean =>
  ENGINES[planned.diffed.bound.graph.project.engine.name].isDatabase

/** The files that say which environment they are for, besides the steps. */
const forShell = (rewritten: Rewritten, contract: Contract): Texts => [
  ['apply.sql', applySql(rewritten, contract)],
  ['review.md', review(rewritten.planned.diffed, contract)],
  ...scripts(contract),
]

/** The same of a database. `others`: paths of all other files. */
const forPsql =
  (
    others: readonly string[],
    { databaseApplySql, databaseScripts }: typeof import('./emit/database-files.ts'),
  ): Write =>
  (rewritten, contract) => {
    const texts = [
      ['review.md', review(rewritten.planned.diffed, contract)] as const,
      ...databaseScripts(rewritten, contract),
    ]
    const paths = ['bundle.json', ...others, ...texts.map(([path]) => path)].sort(byCodeUnit)
    return [['apply.sql', databaseApplySql(rewritten, contract, paths)], ...texts]
  }
