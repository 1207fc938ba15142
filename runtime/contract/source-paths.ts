// Which files a source may name: data of the project, never what configures it, holds its secrets, or is written by
// Seeknal itself. Compiler and runtime decide by the same rule, since a bundle may come from anywhere. Letter case does
// not count: some file systems do not know it. Pure.

/** Files of which each project has, or soon has, one: a pattern that fits them is no pattern of data. */
const ALWAYS_THERE: readonly string[] = [
  'seeknal_project.yml',
  'seeknal.lock.json',
  'profiles.yml',
  '.env',
  'target/manifest.json',
  'target/snapshots/0.parquet',
]

const RULES: readonly (readonly [RegExp, string])[] = [
  [/^\.(?!\.?$)/, 'is hidden'],
  [/^profiles.*\.ya?ml$/, 'holds connections'],
  [/^seeknal_project\.ya?ml$/, 'configures the project'],
  [/^seeknal\.lock\.json$/, 'is written by Seeknal'],
]

export interface PrivateFile {
  /** The file or folder that is not for sources, as it is written. */
  readonly name: string
  /** `is hidden`. */
  readonly why: string
}

export const hasMagic = (path: string): boolean => /[*?[]/.test(path)

/** What a path relative to the project, or a pattern, names that no source may read. */
export function privateFile(path: string): PrivateFile | undefined {
  const parts = partsOf(path)
  for (const [i, name] of parts.entries()) {
    if (i === 0 && name.toLowerCase() === 'target') return { name, why: 'is written by Seeknal' }
    const [, why] = RULES.find(([form]) => form.test(name.toLowerCase())) ?? []
    if (why !== undefined) return { name, why }
  }
  if (!hasMagic(path)) return undefined
  const matched = ALWAYS_THERE.find((file) => fits(parts, file.split('/')))
  return matched === undefined ? undefined : privateFile(matched)
}

/** The glob that names just `path`. The engine takes every path that it reads for a glob, also where the project lies. */
export const literalGlob = (path: string): string => path.replace(/[*?[]/g, '[$&]')

const partsOf = (path: string): readonly string[] => path.split('/').filter((part) => part !== '' && part !== '.')

function fits([part, ...rest]: readonly string[], names: readonly string[]): boolean {
  const [name, ...below] = names
  if (part === '**') return names.some((_, i) => fits(rest.length === 0 ? ['*'] : rest, names.slice(i)))
  if (part === undefined || name === undefined) return part === undefined && name === undefined
  return nameMatcher(part, 'is').test(name) && fits(rest, below)
}

/** A glob of one name as an expression over the whole name. What is no glob (`[z-a]`) fits nothing. */
export function nameMatcher(glob: string, flags = 's'): RegExp {
  const source = glob.replace(/\[!?[^\]]+\]|[\s\S]/g, (token) => {
    if (token === '*') return '.*'
    if (token === '?') return '.'
    if (token.length > 1) return `[${token.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`
    return token.replace(/[\\^$.|+(){}[\]]/g, '\\$&')
  })
  try {
    return new RegExp(`^${source}$`, flags)
  } catch {
    return /(?!)/
  }
}
