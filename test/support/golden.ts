// Fixtures whose expectation is a whole bundle: fixtures/bundles/<case>/{case.md, project/, base/, bundle/}. In case.md a
// line may say `Environment: `; base/ holds the files of production that differ, and `Added: ` names those that
// production does not have.

import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Bundle } from '../../runtime/contract/bundle.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { bundleOf, type CompileOptions, manifestOf } from './compile.ts'
import { tempFolder } from './temp.ts'

const FOLDER = 'fixtures/bundles'

export interface GoldenCase {
  readonly name: string
  /** `fixtures/bundles/<name>`. */
  readonly folder: string
  readonly title: string
  readonly environment: string | undefined
  readonly added: readonly string[]
}

export const goldenCases = (): readonly GoldenCase[] => readdirSync(FOLDER).sort().map(goldenCase)

export function goldenCase(name: string): GoldenCase {
  const folder = join(FOLDER, name)
  const text = readFileSync(join(folder, 'case.md'), 'utf8')
  const items = (label: string): string[] =>
    [...(text.match(new RegExp(`^${label}: (.*)$`, 'm'))?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(
      ([, item = '']) => item,
    )
  const title = text.match(/^# (.*)$/m)?.[1] ?? name
  return { name, folder, title, environment: items('Environment')[0], added: items('Added') }
}

/** A copy of the case's project, in a new folder. */
export function projectOf({ folder, name }: GoldenCase): string {
  const copy = join(tempFolder(name), 'project')
  cpSync(join(folder, 'project'), copy, { recursive: true })
  return copy
}

/** Production's manifest that the case is compiled against, or null. */
export async function baseOf(golden: GoldenCase): Promise<Manifest | null> {
  const base = baseProject(golden)
  return base === null ? null : manifestOf(base)
}

/** A copy of the project as production has it, or null when there is no production. */
export function baseProject(golden: GoldenCase): string | null {
  const differing = join(golden.folder, 'base')
  if (!existsSync(differing)) return null
  const copy = projectOf(golden)
  cpSync(differing, copy, { recursive: true })
  for (const path of golden.added) rmSync(join(copy, path))
  return copy
}

/** The case's bundle. `project` is where its project is; default: in the fixture. */
export async function goldenBundle(
  golden: GoldenCase,
  project = join(golden.folder, 'project'),
  options: CompileOptions = {},
): Promise<Bundle> {
  const environment = golden.environment === undefined ? {} : { environment: golden.environment }
  return bundleOf(project, { ...environment, base: await baseOf(golden), ...options })
}
