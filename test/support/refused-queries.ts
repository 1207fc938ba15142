// Queries that are not translated, a query a line; `¦` stands before each place that the refusal points at.

export const REFUSED_QUERIES: Readonly<Record<string, string>> = {
  'TRANSLATE_NOT_SUPPORTED what has no counterpart': `
SELECT t.k FROM source.t ¦ASOF JOIN source.u ON t.k >= u.k
SELECT t.k FROM source.t ¦POSITIONAL JOIN source.u
SELECT ¦COLUMNS(c -> c LIKE 'k%') FROM source.t
SELECT max(¦COLUMNS('k|i')) FROM source.t JOIN source.u ON t.k = u.k
SELECT ¦approx_count_distinct(i) AS n FROM source.t
SELECT k, ¦mode(s) AS m FROM source.t GROUP BY k
SELECT ¦histogram(i) AS h FROM source.t
SELECT ¦hash(s) AS h FROM source.t
SELECT ¦random() AS r FROM source.t
SELECT ¦uuid() AS r FROM source.t
SELECT ¦printf('%d', i) AS p FROM source.t
SELECT ¦format('{}', i) AS p FROM source.t
SELECT ok, ¦grouping(ok) AS g FROM source.t GROUP BY ROLLUP (ok)
SELECT ¦reverse(s) AS p FROM source.t
SELECT ¦strptime(s, '%d %b %Y') AS p, ¦strptime(s, '%m/%d') AS q FROM source.t
SELECT ¦list_transform([1, 2], lambda x: x + 1) AS p
SELECT ¦struct_pack(a := 1) AS p
SELECT MAP {¦'k': 1} AS p
SELECT lag(i IGNORE NULLS) OVER (ORDER BY k) AS p FROM source.t
SELECT sum(i) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS p FROM source.t
SELECT count(DISTINCT s) OVER (PARTITION BY ok) AS p FROM source.t
SELECT s ¦SIMILAR TO 'a.?(b|c)+?' AS p FROM source.t
SELECT s ¦GLOB 'a*' AS p FROM source.t
SELECT s[k:3] AS p, s[-2:] AS q, [1, 2][1:2] AS r FROM source.t
SELECT k FROM source.t WHERE (k, i) IN (SELECT k, i FROM source.u)
SELECT ¦u FROM source.u
SELECT ¦median(d) AS p FROM source.t
SELECT ¦age(dt, DATE '2020-01-01') AS p FROM source.t
SELECT k FROM source.t ORDER BY s COLLATE nocase
SELECT i ¦<< 2 AS q, ¦isnan(d) AS r, ts ¦AT TIME ZONE 'Europe/Berlin' AS z FROM source.t
SELECT ¦time_bucket(INTERVAL 1 MONTH, ts) AS p, ¦to_timestamp(x) AS q FROM source.t
SELECT ¦bit_count(i) AS p, ¦gamma(x) AS q FROM source.t
SELECT k FROM source.t USING SAMPLE 3
SELECT k FROM source.t LIMIT 10%
SELECT ¦date_diff('week', dt, dt) AS p FROM source.t
SELECT ¦date_trunc('decade', dt) AS p FROM source.t
SELECT ¦date_part('century', dt) AS p FROM source.t
SELECT ¦quantile_cont(i, [0.25, 0.5]) AS p FROM source.t
SELECT DISTINCT ON (ok) k FROM source.t QUALIFY row_number() OVER (ORDER BY k) > 1 ORDER BY ok, k
SELECT t.k FROM source.u RIGHT JOIN (source.t ¦SEMI JOIN source.u AS w ON t.k = w.k) ON t.k = u.k
FROM (PIVOT source.t ON ok IN (true, false) USING sum(i) GROUP BY k)
UNPIVOT source.u ON k, i INTO NAME n VALUE v
SELECT g.d FROM ¦range(DATE '2020-01-01', DATE '2020-02-01', to_days(CAST(1 AS INTEGER) * 1)) AS g(d)
DESCRIBE SELECT 1 AS a
`,
  'TRANSLATE_NOT_SUPPORTED what gives other values': `
SELECT ¦CAST(x AS VARCHAR) AS p FROM source.t
SELECT s ¦|| x AS p FROM source.t
SELECT x ¦// 2 AS p, x ¦% 2 AS q, d ¦// 2 AS r FROM source.t
SELECT ¦round(x, -1) AS p, ¦round(x, k) AS q FROM source.t
SELECT ¦substr(s, k) AS p, ¦substr(s, 2, -1) AS q, ¦substr(s, -3, 2) AS r FROM source.t
SELECT ¦split_part(s, '', 1) AS p, ¦split_part(s, ',', k) AS q FROM source.t
SELECT ¦lpad(s, 5, v) AS p FROM source.t JOIN source.u USING (k)
SELECT ¦regexp_matches(s, '\\bword') AS p FROM source.t
SELECT ¦regexp_matches(s, '(?i)a') AS p, ¦regexp_matches(s, 'a+?') AS q, ¦regexp_matches(s, 'a', 'i') AS r, ¦regexp_matches(s, v) AS t FROM source.t JOIN source.u USING (k)
SELECT ¦regexp_replace(s, 'a|ab', 'x') AS p, ¦regexp_replace(s, 'a*', 'x') AS q, ¦regexp_extract(s, '(ab)?c', 1) AS r FROM source.t
SELECT ¦strftime(ts, '%c') AS p, ¦strftime(ts, '%U') AS q FROM source.t
SELECT k FROM source.t WHERE dt = ¦'5 Jan 2020'
SELECT CAST(¦'2020/01/05' AS DATE) AS p, CAST(¦'1e3' AS INTEGER) AS q, CAST(¦'yes' AS BOOLEAN) AS r, INTERVAL ¦'P1D' AS t
SELECT ¦TRY_CAST(x AS INTEGER) AS p, ¦TRY_CAST(s AS BOOLEAN) AS q FROM source.t
SELECT ¦sign(x) AS p FROM source.t
SELECT 1 ¦/ round(x) AS p, i ¦/ round(x, 2) AS q FROM source.t
SELECT DISTINCT ¦iv FROM source.kinds
SELECT ¦max(id) AS a FROM source.kinds
SELECT j ¦= j AS a FROM source.kinds
SELECT ui ¦+ 1 AS a FROM source.kinds
SELECT ¦CAST(k AS TINYINT) AS p, ¦CAST(k AS UINTEGER) AS q, ¦CAST(s AS BLOB) AS r FROM source.t
SELECT ¦CAST(0.5::DECIMAL(1,1) AS VARCHAR) AS p
SELECT s, s AS z, count(*) AS n FROM source.t GROUP BY ROLLUP (s, ¦z)
SELECT lower('A') AS z, count(*) AS n FROM source.t GROUP BY ROLLUP (¦z)
SELECT k FROM source.t UNION ALL SELECT x::VARCHAR FROM source.t
`,
  'TRANSLATE_ORDER_NOT_SAID what depends on an order that nothing says': `
SELECT ¦string_agg(s, ',') AS p FROM source.t
SELECT ¦list(i) AS p, ¦first(s) AS q, ¦any_value(s) AS r FROM source.t
SELECT k FROM source.t LIMIT 3
SELECT k, ¦row_number() OVER () AS p FROM source.t
SELECT k, ¦lag(i) OVER (PARTITION BY ok) AS p FROM source.t
SELECT DISTINCT ON (ok) ok, k FROM source.t
SELECT k, ¦sum(i) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS p FROM source.t
`,
  'TRANSLATE_TYPE what PostgreSQL has no type for': `
SELECT ¦CAST(k AS UHUGEINT) AS p FROM source.t
SELECT ¦CAST(ts AS TIMESTAMP_NS) AS p FROM source.t
SELECT ¦CAST(s AS BIT) AS p FROM source.texts AS t(s)
`,
  'TRANSLATE_NAME_TOO_LONG names that PostgreSQL cuts off': `
SELECT k AS ${'n'.repeat(64)} FROM source.u
SELECT k AS "${'é'.repeat(32)}" FROM source.u
`,
}
