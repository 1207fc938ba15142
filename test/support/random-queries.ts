// Random queries over relations of known columns: joins, groups, windows, set operations, stars, nested queries. Every
// order in them is total, so that their rows are a function of their inputs.

import {
  type ColumnType,
  type Decisions,
  expression,
  type RandomColumn,
  SCALARS,
  type Scope,
} from './random-expressions.ts'

export interface RandomRelation {
  /** As SQL names it: `source.t`. */
  readonly name: string
  readonly columns: readonly RandomColumn[]
  /** Columns that together are unique, for orders without ties; null: there are none. */
  readonly key: readonly string[] | null
}

export interface RandomQuery {
  readonly sql: string
  readonly columns: readonly RandomColumn[]
  readonly key: readonly string[] | null
}

interface From {
  readonly sql: string
  readonly scope: Scope
  readonly stars: readonly RandomColumn[] | null
  readonly key: readonly string[] | null
}

const scopeOf = (alias: string, columns: readonly RandomColumn[]): Scope => ({
  items: columns.map((c) => ({ sql: `${alias}.${c.name}`, type: c.type })),
})

/** A relation, a nested query or a join of two. `stars` are the columns of `*`, when no two have one name. */
function fromClause(d: Decisions, relations: readonly RandomRelation[], depth: number): From {
  const left = tableOf(d.at('left'), relations, depth, 'p')
  if (!d.chance('join', 40)) return left
  const right = tableOf(d.at('right'), relations, depth, 'q')
  const scope = { items: [...left.scope.items, ...right.scope.items] }
  const key = left.key && right.key ? [...left.key, ...right.key] : null
  const shared = left.names.filter((c) => right.names.some((r) => r.name === c.name && r.type === c.type))
  const form = d.pick('kind', [
    'inner',
    'left',
    'full',
    'cross',
    'using',
    'natural',
    'semi',
    'anti',
    'lateral',
    'exists',
  ] as const)
  const on = () =>
    `${equalColumns(d.at('on'), left, right)}${d.chance('more', 30) ? ` AND ${expression(d.at('extra'), scope, 'BOOLEAN', 1)}` : ''}`
  switch (form) {
    case 'inner':
    case 'left':
      return {
        sql: `${left.sql} ${form === 'left' ? 'LEFT ' : ''}JOIN ${right.sql} ON ${on()}`,
        scope,
        stars: null,
        key,
      }
    case 'full':
      return {
        sql: `${left.sql} FULL JOIN ${right.sql} ON ${equalColumns(d.at('on'), left, right)}`,
        scope,
        stars: null,
        key,
      }
    case 'cross':
      return { sql: `${left.sql} CROSS JOIN ${right.sql}`, scope, stars: null, key }
    case 'using':
    case 'natural': {
      const common = shared.filter((c) => SCALARS.includes(c.type))
      if (common.length === 0) return { sql: `${left.sql} CROSS JOIN ${right.sql}`, scope, stars: null, key }
      const outer = d.pick('outer', ['', 'LEFT '])
      const using = d.pick('column', common).name
      const sql =
        form === 'natural'
          ? `${left.sql} NATURAL ${outer}JOIN ${right.sql}`
          : `${left.sql} ${outer}JOIN ${right.sql} USING (${using})`
      return { sql, scope, stars: null, key }
    }
    case 'semi':
    case 'anti':
      return {
        sql: `${left.sql} ${form.toUpperCase()} JOIN ${right.sql} ON ${equalColumns(d.at('on'), left, right)}`,
        scope: left.scope,
        stars: left.stars,
        key: left.key,
      }
    case 'lateral': {
      const inner = `SELECT max(${expression(d.at('of'), right.scope, 'INTEGER', 1)}) AS mx FROM ${right.sql} WHERE ${equalColumns(d.at('on'), left, right)}`
      return {
        sql: `${left.sql}, LATERAL (${inner}) AS lat`,
        scope: { items: [...left.scope.items, { sql: 'lat.mx', type: 'INTEGER' }] },
        stars: null,
        key: left.key,
      }
    }
    case 'exists': {
      const inner = `${d.pick('not', ['', 'NOT '])}EXISTS (SELECT 1 FROM ${right.sql} WHERE ${on()})`
      return {
        sql: `(SELECT * FROM ${left.sql} WHERE ${inner}) AS p`,
        scope: left.scope,
        stars: left.stars,
        key: left.key,
      }
    }
  }
}

interface Table extends From {
  readonly names: readonly RandomColumn[]
  readonly alias: string
}

function tableOf(d: Decisions, relations: readonly RandomRelation[], depth: number, alias: string): Table {
  if (depth > 0 && d.chance('nested', 35)) {
    const inner = queryOf(d.at('query'), relations, depth - 1)
    const key = inner.key?.map((k) => `${alias}.${k}`) ?? null
    return {
      sql: `(${inner.sql}) AS ${alias}`,
      scope: scopeOf(alias, inner.columns),
      stars: inner.columns,
      key,
      names: inner.columns,
      alias,
    }
  }
  const relation = d.pick('relation', relations)
  const key = relation.key?.map((k) => `${alias}.${k}`) ?? null
  return {
    sql: `${relation.name} AS ${alias}`,
    scope: scopeOf(alias, relation.columns),
    stars: relation.columns,
    key,
    names: relation.columns,
    alias,
  }
}

function equalColumns(d: Decisions, left: Table, right: Table): string {
  const type = d.pick('type', ['INTEGER', 'VARCHAR', 'INTEGER'] as const)
  return `${expression(d.at('left'), left.scope, type, 0)} = ${expression(d.at('right'), right.scope, type, 0)}`
}

const NAMES = ['c1', 'c2', 'c3', 'c4', 'c5'] as const

/** A query over some relations. Its output columns have different names; `key` says by which its rows are told apart. */
export function queryOf(d: Decisions, relations: readonly RandomRelation[], depth = 2): RandomQuery {
  const kind = d.below('kind', 100)
  if (depth > 0 && kind < 14) return setOperation(d.at('set'), relations, depth)
  if (depth > 0 && kind < 22) return withQuery(d.at('with'), relations, depth)
  return select(d.at('select'), relations, depth)
}

function setOperation(d: Decisions, relations: readonly RandomRelation[], depth: number): RandomQuery {
  const left = queryOf(d.at('left'), relations, depth - 1)
  const operator = d.pick('operator', [
    'UNION',
    'UNION ALL',
    'EXCEPT',
    'INTERSECT',
    'UNION ALL BY NAME',
    'EXCEPT ALL',
    'UNION BY NAME',
  ])
  const relation = d.pick('relation', relations)
  const scope = scopeOf('s', relation.columns)
  const items = left.columns.map((c, i) => `${expression(d.at(`item${i}`), scope, c.type, 1)} AS ${c.name}`)
  const byName = operator.endsWith('NAME') && d.chance('turn', 50) ? items.reverse() : items
  const distinct =
    operator === 'UNION' || operator === 'UNION BY NAME' || operator === 'INTERSECT' || operator === 'EXCEPT'
  return {
    sql: `(${left.sql}) ${operator} (SELECT ${byName.join(', ')} FROM ${relation.name} AS s)`,
    columns: left.columns,
    key: distinct ? left.columns.map((c) => c.name) : null,
  }
}

function withQuery(d: Decisions, relations: readonly RandomRelation[], depth: number): RandomQuery {
  const inner = queryOf(d.at('cte'), relations, depth - 1)
  const name = d.pick('name', ['w1', 'w2'])
  const outer = queryOf(d.at('body'), [{ name, columns: inner.columns, key: inner.key }, ...relations], depth - 1)
  return { ...outer, sql: `WITH ${name} AS ${d.pick('kept', ['', '', 'MATERIALIZED '])}(${inner.sql}) ${outer.sql}` }
}

function select(d: Decisions, relations: readonly RandomRelation[], depth: number): RandomQuery {
  const from = fromClause(d.at('from'), relations, depth)
  const where = d.chance('filtered', 40) ? ` WHERE ${expression(d.at('where'), from.scope, 'BOOLEAN', 2)}` : ''
  const kind = d.below('kind', 100)
  if (kind < 28) return aggregate(d.at('aggregate'), from, where)
  if (kind < 34 && from.stars !== null) return starred(d.at('star'), from, from.stars, where)
  return projection(d.at('projection'), from, where)
}

function starred(d: Decisions, from: From, stars: readonly RandomColumn[], where: string): RandomQuery {
  const one = d.pick('column', stars)
  const form = d.pick('form', ['*', 'exclude', 'replace', 'columns'] as const)
  const rest = stars.filter((c) => c.name !== one.name)
  const key = from.key?.map((k) => k.slice(k.indexOf('.') + 1)) ?? null
  if (form === 'exclude' && rest.length > 0)
    return {
      sql: `SELECT * EXCLUDE (${one.name}) FROM ${from.sql}${where}`,
      columns: rest,
      key: key?.includes(one.name) ? null : key,
    }
  if (form === 'replace')
    return {
      sql: `SELECT * REPLACE (${expression(d.at('with'), from.scope, one.type, 1)} AS ${one.name}) FROM ${from.sql}${where}`,
      columns: stars,
      key: key?.includes(one.name) ? null : key,
    }
  if (form === 'columns' && rest.length > 0)
    return {
      sql: `SELECT COLUMNS(n -> n <> '${one.name}') FROM ${from.sql}${where}`,
      columns: rest,
      key: key?.includes(one.name) ? null : key,
    }
  return { sql: `SELECT * FROM ${from.sql}${where}`, columns: stars, key }
}

function aggregate(d: Decisions, from: From, where: string): RandomQuery {
  const groups = NAMES.slice(0, d.pick('groups', [0, 1, 1, 2])).map((name, i) => {
    const type = d.pick(`type${i}`, ['INTEGER', 'VARCHAR', 'DATE'] as const)
    return { name, type, sql: expression(d.at(`group${i}`), from.scope, type, 1) }
  })
  const values = NAMES.slice(groups.length, groups.length + 1 + d.below('values', 3)).map((name, i) => ({
    name,
    ...aggregateValue(d.at(`value${i}`), from.scope),
  }))
  const columns = [...groups, ...values].map(({ name, type }) => ({ name, type }))
  const by = groupBy(d, groups)
  const having = d.chance('having', 15) ? ` HAVING count(*) > ${d.pick('least', [0, 1])}` : ''
  const items = [...groups, ...values].map((c) => `${c.sql} AS ${c.name}`)
  const ordinary = !by.includes('ROLLUP')
  return {
    sql: `SELECT ${items.join(', ')} FROM ${from.sql}${where}${by}${having}`,
    columns,
    key: ordinary ? groups.map((g) => g.name) : null,
  }
}

function groupBy(d: Decisions, groups: readonly { readonly sql: string }[]): string {
  if (groups.length === 0) return ''
  const form = d.pick('by', ['expressions', 'ordinals', 'all', 'rollup'] as const)
  if (form === 'all') return ' GROUP BY ALL'
  const list = groups.map((g, i) => (form === 'expressions' ? `(${g.sql})` : String(i + 1))).join(', ')
  return form === 'rollup' ? ` GROUP BY ROLLUP (${list})` : ` GROUP BY ${list}`
}

function aggregateValue(d: Decisions, scope: Scope): { readonly sql: string; readonly type: ColumnType } {
  const filter = d.chance('filter', 20) ? ` FILTER (WHERE ${expression(d.at('where'), scope, 'BOOLEAN', 1)})` : ''
  const of = (type: ColumnType) => expression(d.at('of'), scope, type, 1)
  const forms: readonly (() => { readonly sql: string; readonly type: ColumnType })[] = [
    () => ({ sql: `count(*)${filter}::INTEGER`, type: 'INTEGER' }),
    () => ({ sql: `(sum(${of('INTEGER')})${filter})::INTEGER`, type: 'INTEGER' }),
    () => ({ sql: `count(DISTINCT ${of('VARCHAR')})${filter}::INTEGER`, type: 'INTEGER' }),
    () => ({ sql: `max(${of('VARCHAR')})${filter}`, type: 'VARCHAR' }),
    () => ({ sql: `min(${of('DATE')})${filter}`, type: 'DATE' }),
    () => ({ sql: `sum(${of('DOUBLE')})${filter}`, type: 'DOUBLE' }),
    () => ({
      sql: `string_agg(${of('VARCHAR')}, '${d.pick('by', ['', ','])}' ORDER BY ${of('VARCHAR')})${filter}`,
      type: 'VARCHAR',
    }),
    () => ({
      sql: `list(${of('INTEGER')} ORDER BY ${of('INTEGER')} ${d.pick('way', ['', 'DESC'])})${filter}`,
      type: 'INTEGER[]',
    }),
    () => ({ sql: `quantile_disc(${of('INTEGER')}, ${d.pick('at', ['0.5', '0.25'])})${filter}`, type: 'INTEGER' }),
  ]
  return d.pick('form', forms)()
}

function projection(d: Decisions, from: From, where: string): RandomQuery {
  const items = NAMES.slice(0, 1 + d.below('columns', 4)).map((name, i) => item(d.at(`item${i}`), from, name))
  const columns = items.map(({ name, type }) => ({ name, type }))
  const exact = items.filter((i) => i.key !== null)
  const unique = from.key?.every((k) => exact.some((i) => i.key === k)) ?? false
  const key = unique && !items.some((i) => i.many) ? exact.map((i) => i.name) : null
  const list = items.map((i) => `${i.sql} AS ${i.name}`).join(', ')
  const body = `FROM ${from.sql}${where}`
  const aliased = d.chance('lateral', 10) && items[0]?.type === 'INTEGER' && columns.length < 5
  if (aliased)
    return {
      sql: `SELECT ${list}, ${items[0]?.name} + ${d.pick('plus', [1, 2])} AS c5 ${body}`,
      columns: [...columns.filter((c) => c.name !== 'c5'), { name: 'c5', type: 'INTEGER' }],
      key,
    }
  if (d.chance('distinct', 14))
    return { sql: `SELECT DISTINCT ${list} ${body}`, columns, key: columns.map((c) => c.name) }
  if (from.key !== null && !items.some((i) => i.many) && d.chance('ordered', 16)) {
    const order = [expression(d.at('order'), from.scope, 'INTEGER', 1), ...from.key].join(', ')
    if (d.chance('limited', 50))
      return { sql: `SELECT ${list} ${body} ORDER BY ${order} LIMIT ${d.pick('limit', [2, 3, 5])}`, columns, key }
    const part = expression(d.at('part'), from.scope, 'VARCHAR', 0)
    return {
      sql: `SELECT ${list} ${body} QUALIFY row_number() OVER (PARTITION BY ${part} ORDER BY ${order}) = ${d.pick('nth', [1, 2])}`,
      columns,
      key,
    }
  }
  return { sql: `SELECT ${list} ${body}`, columns, key }
}

interface Item {
  readonly name: string
  readonly type: ColumnType
  readonly sql: string
  /** The key column that it is. */
  readonly key: string | null
  /** Gives several rows. */
  readonly many: boolean
}

function item(d: Decisions, from: From, name: string): Item {
  const kind = d.below('kind', 100)
  const key = from.key && from.key.length > 0 ? d.pick('key', from.key) : null
  const plain = (sql: string, type: ColumnType): Item => ({ name, type, sql, key: null, many: false })
  const keyType = from.scope.items.find((i) => i.sql === key)?.type
  if (kind < 22 && key !== null && keyType !== undefined) return { name, type: keyType, sql: key, key, many: false }
  if (kind < 30 && from.key !== null) return plain(windowValue(d.at('window'), from, from.key), 'INTEGER')
  if (kind < 34)
    return { ...plain(`unnest(${expression(d.at('list'), from.scope, 'INTEGER[]', 1)})`, 'INTEGER'), many: true }
  if (kind < 40) {
    const inner = `(SELECT max(z.k) FROM source.t0 AS z WHERE z.a = ${expression(d.at('outer'), from.scope, 'INTEGER', 0)})`
    return plain(
      d.chance('correlated', 60)
        ? inner
        : `(SELECT ${d.pick('f', ['max', 'min', 'count'])}(z.a)::INTEGER FROM source.t1 AS z)`,
      'INTEGER',
    )
  }
  const type = d.pick('type', [...SCALARS, 'INTEGER', 'VARCHAR', 'INTEGER[]', 'STRUCT(x INTEGER, y VARCHAR)'] as const)
  return plain(expression(d.at('value'), from.scope, type), type)
}

function windowValue(d: Decisions, from: From, key: readonly string[]): string {
  const part = d.chance('parted', 60) ? `PARTITION BY ${expression(d.at('part'), from.scope, 'VARCHAR', 0)} ` : ''
  const order = `ORDER BY ${[expression(d.at('order'), from.scope, 'INTEGER', 0), ...key].join(', ')}`
  const of = expression(d.at('of'), from.scope, 'INTEGER', 0)
  const frame = d.pick('frame', [
    '',
    ' ROWS BETWEEN 1 PRECEDING AND CURRENT ROW',
    ' ROWS BETWEEN 2 PRECEDING AND CURRENT ROW',
  ])
  return d.pick('form', [
    `(row_number() OVER (${part}${order}))::INTEGER`,
    `lag(${of}) OVER (${part}${order})`,
    `(sum(${of}) OVER (${part}${order}${frame}))::INTEGER`,
    `(count(*) OVER (${part}))::INTEGER`,
  ])
}
