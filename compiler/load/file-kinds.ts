// Paths of a project's files → what they are.

export type FileKind = 'project' | 'node' | 'common' | 'sql' | 'lock' | 'python'

export const isYaml = (path: string): boolean => /\.ya?ml$/i.test(path)

export const isSql = (path: string): boolean => /\.sql$/i.test(path)

/** Where existing projects define nodes in Python. */
export const isPython = (path: string): boolean =>
  /^seeknal\/(?!common\/|templates\/)(?:.*\/)?[^/._][^/]*\.py$/.test(path)

/** What a file is, by its path; undefined: nothing of ours. */
export function kindOf(path: string): FileKind | undefined {
  if (path === 'seeknal.lock.json') return 'lock'
  if (isSql(path)) return 'sql'
  if (isPython(path)) return 'python'
  if (!isYaml(path) || /(?:^|\/)\./.test(path)) return undefined
  if (/^seeknal_project\.ya?ml$/.test(path)) return 'project'
  if (path.startsWith('seeknal/common/')) return 'common'
  if (path.startsWith('seeknal/templates/')) return undefined
  return path.startsWith('seeknal/') ? 'node' : undefined
}
