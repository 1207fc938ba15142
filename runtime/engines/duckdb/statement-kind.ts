// What a statement does, by its leading keyword: for statements that DuckDB's parser accepts but cannot serialise. What
// the answer permits is checked again at execution, against the kind of the prepared statement.

export type StatementKind =
  | 'select'
  | 'create'
  | 'insert'
  | 'update'
  | 'delete'
  | 'merge'
  | 'drop'
  | 'alter'
  | 'set'
  | 'copy'
  | 'attach'
  | 'detach'
  | 'load'
  | 'call'
  | 'explain'
  | 'pragma'
  | 'transaction'
  | 'other'

const KINDS: Readonly<Record<string, StatementKind>> = {
  select: 'select',
  from: 'select',
  values: 'select',
  pivot: 'select',
  pivot_wider: 'select',
  pivot_longer: 'select',
  unpivot: 'select',
  describe: 'select',
  summarize: 'select',
  show: 'select',
  table: 'select',
  create: 'create',
  insert: 'insert',
  update: 'update',
  delete: 'delete',
  truncate: 'delete',
  merge: 'merge',
  drop: 'drop',
  alter: 'alter',
  set: 'set',
  reset: 'set',
  copy: 'copy',
  export: 'copy',
  import: 'copy',
  attach: 'attach',
  use: 'attach',
  detach: 'detach',
  load: 'load',
  install: 'load',
  call: 'call',
  explain: 'explain',
  analyze: 'pragma',
  pragma: 'pragma',
  vacuum: 'pragma',
  checkpoint: 'pragma',
  begin: 'transaction',
  start: 'transaction',
  commit: 'transaction',
  rollback: 'transaction',
  abort: 'transaction',
}

const NO_CODE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$/g

/** Pure. The first keyword outside parentheses; after a WITH clause, whose names may be keywords, the one that follows it. */
export function leadingKind(text: string): StatementKind {
  let depth = 0
  let afterWith = false
  let isName = false
  const code = text.replace(NO_CODE, (part) => (part.startsWith('"') ? ' ? ' : ' '))
  for (const [token] of code.matchAll(/[A-Za-z_]\w*|[(),?]/g)) {
    const word = token.toLowerCase()
    if (token === '(') depth++
    else if (token === ')') depth--
    else if (depth > 0 && !afterWith && KINDS[word] === 'select') return 'select'
    else if (depth > 0 || (token === '?' && !isName)) continue
    else if (token === ',') isName = afterWith
    else if (isName) isName = word === 'recursive'
    else if (word === 'with') isName = afterWith = true
    else if (KINDS[word] !== undefined) return KINDS[word]
    else if (!afterWith) return 'other'
  }
  return 'other'
}
