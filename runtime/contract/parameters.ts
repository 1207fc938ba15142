// Text with values of the run: `data/{{ run_date }}/{{ env.REGION|north }}.csv`. What the compiler leaves in a source's
// path is spelled `{{ name }}`, `{{ env.NAME }}`, `{{ env.NAME|default }}`, or `{{ today(N) }}`, `{{ month_start(N) }}`,
// `{{ year_start(N) }}`: the run's date moved by N days, months, years (to the first day).

const PLACEHOLDER = /\{\{\s*([^{}]+?)\s*\}\}/g
const MOVED_DATE = /^(today|month_start|year_start)\((-?\d+)\)$/

/** The text with everything put in; what `values` (by variable name) does not know stays. Pure. */
export function fillParameters(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(PLACEHOLDER, (whole, name: string) => valueNamed(name, values) ?? whole)
}

function valueNamed(name: string, values: Readonly<Record<string, string>>): string | undefined {
  const moved = MOVED_DATE.exec(name)
  if (moved !== null) return movedDate(moved[1] ?? '', Number(moved[2]), values.run_date)
  const [plain = '', fallback] = name.startsWith('env.') ? splitDefault(name) : [name]
  return Object.hasOwn(values, plain) ? values[plain] : fallback
}

function splitDefault(name: string): readonly [string, string?] {
  const bar = name.indexOf('|')
  return bar < 0 ? [name] : [name.slice(0, bar), name.slice(bar + 1)]
}

/** As the SQL of the same placeholder computes it. */
function movedDate(unit: string, offset: number, runDate: string | undefined): string | undefined {
  const [year, month, day] = (runDate ?? '').split('-').map(Number)
  if (year === undefined || month === undefined || day === undefined) return undefined
  const first =
    unit === 'today'
      ? [year, month, day + offset]
      : unit === 'month_start'
        ? [year, month + offset, 1]
        : [year + offset, 1, 1]
  return new Date(Date.UTC(first[0] ?? 0, (first[1] ?? 1) - 1, first[2] ?? 1)).toISOString().slice(0, 10)
}
