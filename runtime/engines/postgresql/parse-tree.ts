// Parts of the syntax trees that PostgreSQL's own parser gives as JSON, each by its class: `{"ColumnRef": {"fields": […]}}`. What is
// not there, or is something else, is an empty tree or list. Pure.

export type Tree = Readonly<Record<string, unknown>>

export const treeOf = (value: unknown): Tree =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Tree) : {}

export const listOf = (value: unknown): readonly Tree[] => (Array.isArray(value) ? value.map(treeOf) : [])

/** The names in a list, without what is no name. */
export const namesIn = (value: unknown): string[] =>
  listOf(value).flatMap((item) => {
    const { sval } = treeOf(item.String)
    return typeof sval === 'string' ? [sval] : []
  })
