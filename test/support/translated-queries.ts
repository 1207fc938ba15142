// Queries that are translated, a query a line, by what they are about. Each is executed on both engines.

export const TRANSLATED: Readonly<Record<string, string>> = {
  'numbers are added, divided and rounded as on DuckDB': `
SELECT k, i + 1 AS a, i - 2 AS s, si * 2 AS m, b + si AS bs FROM source.t WHERE k NOT IN (5, 6)
SELECT k, i / nullif(round(x, 1), 0) AS a, i / round(d) AS b, 1 / round(i) AS c FROM source.t WHERE k NOT IN (5, 6)
SELECT k, i / 2 AS half, b / si AS q, 7 / i AS inv FROM source.t
SELECT k, i / 0 AS inf, 0 / 0 AS nan, x / 0 AS xi, d / 0 AS di FROM source.t
SELECT k, x / (i - i) AS z, x / nullif(i, 0) AS n FROM source.t WHERE k < 5
SELECT k, i // 2 AS a, i // 0 AS b, i // nullif(si, 0) AS c, b // si AS d, -7 // 2 AS e FROM source.t WHERE k <> 6
SELECT k, i % 3 AS a, i % 0 AS b, b % 7 AS c, -7 % 3 AS d, mod(i, 2) AS e, d % 2 AS f FROM source.t
SELECT k, d + 1 AS a, d * 2 AS b, d * 1.5 AS c, d - 0.001 AS e, d + d AS f, d * d AS g FROM source.t WHERE k NOT IN (5, 6)
SELECT k, -i AS a, -d AS b, -x AS c, +i AS e FROM source.t WHERE k <> 6
SELECT k, x + 1 AS a, x * d AS b, x - i AS c FROM source.t
SELECT k, round(x) AS a, round(x, 1) AS b, round(x, 2) AS c, round(d) AS e, round(d, 1) AS f, round(d, 5) AS g, round(i) AS h FROM source.t
SELECT k, floor(x) AS a, ceil(x) AS b, floor(d) AS c, ceil(d) AS e, trunc(x) AS f, trunc(d) AS g, floor(i) AS h FROM source.t
SELECT k, CAST(x AS INTEGER) AS a, CAST(d AS INTEGER) AS b, CAST(d AS DECIMAL(8,1)) AS c FROM source.t WHERE k IN (1, 2, 3, 4, 7, 8, 9, 10, 11) AND abs(x) < 100
SELECT k, CAST(x AS DECIMAL(10,2)) AS a, CAST(x AS DECIMAL(10,0)) AS b FROM source.t WHERE abs(x) < 1000
SELECT k, CAST(i AS BIGINT) AS a, CAST(i AS DOUBLE) AS b, CAST(i AS DECIMAL(12,2)) AS c, CAST(d AS DOUBLE) AS e, CAST(b AS HUGEINT) AS f FROM source.t
SELECT 2.5::INT AS a, 3.5::INT AS b, (2.5::DOUBLE)::INT AS c, (3.5::DOUBLE)::INT AS d, (-2.5)::INT AS e, (-2.5::DOUBLE)::INT AS f, 1.005::DECIMAL(10,2) AS g
SELECT round(2.675::DOUBLE, 2) AS a, round(1.005::DOUBLE, 2) AS b, round(-2.5::DOUBLE) AS c, round(0.49999999999999994::DOUBLE) AS d, (2.675::DOUBLE)::DECIMAL(10,2) AS e
SELECT abs(i) AS a, abs(d) AS b, abs(x) AS c, sign(i) AS e, sign(d) AS f FROM source.t WHERE k <> 6
SELECT sqrt(abs(k)) AS a, exp(si / 1000) AS b, ln(k) AS c, log10(k) AS e, pow(k, 2) AS f, k ^ 2 AS g, k ** 0.5 AS h, pi() AS p FROM source.t
SELECT greatest(i, 1) AS a, least(i, NULL) AS b, greatest(d, i) AS c, greatest(x, 0) AS e, least(s, 'b') AS f, greatest(s, 'B') AS g FROM source.t
SELECT coalesce(i, 0) AS a, coalesce(d, 0) AS b, ifnull(s, '-') AS c, nullif(i, 7) AS e, nullif(s, 'a') AS f, coalesce(si, 0) AS g, coalesce(i, 1.5) AS h FROM source.t
SELECT i::BOOLEAN AS a, ok::INT AS b, ok::BIGINT AS c, ok = 1 AS e FROM source.t
SELECT 10000000000 AS a, 99999999999999999999 AS b, 1e3 AS c, 1.50 AS d, -1 AS e, NULL AS f, TRUE AS g, .5 AS h, 1_000 AS j
SELECT i + 100000000000 AS a, si + 40000 AS b, i * 1.5 AS c FROM source.t WHERE k < 5
`,
  'comparisons, NULLs and NaN behave as on DuckDB': `
SELECT k FROM source.t WHERE i = 7 AND s = 'a'
SELECT k FROM source.t WHERE s < 'a'
SELECT k FROM source.t WHERE s BETWEEN 'A' AND 'b'
SELECT k, s >= 'é' AS a, s <> 'a' AS b, s IS DISTINCT FROM 'a' AS c, s IS NOT DISTINCT FROM NULL AS e FROM source.t
SELECT k, x > 0 AS a, x = x AS b, x > 1e300 AS c, x < 'NaN'::DOUBLE AS e FROM source.t
SELECT k FROM source.t WHERE d = 1.005 OR d > 3 OR i > d
SELECT k FROM source.t WHERE i IN (7, 2, NULL) OR s IN ('B', 'x')
SELECT k FROM source.t WHERE i NOT IN (7, 2)
SELECT k FROM source.t WHERE dt = '2020-01-31' OR dt < DATE '1970-01-01'
SELECT k FROM source.t WHERE ts >= '2020-01-31 00:00:00' AND ts < TIMESTAMP '2020-03-01'
SELECT k FROM source.t WHERE dt >= ts
SELECT k FROM source.t WHERE NOT ok OR ok IS NULL
SELECT k FROM source.t WHERE ok AND NOT (i > 5) AND (s IS NOT NULL OR d IS NULL)
SELECT k, CASE WHEN i > 0 THEN 'plus' WHEN i < 0 THEN 'minus' ELSE s END AS c, CASE i WHEN 7 THEN 1 ELSE 1.5 END AS e, CASE WHEN ok THEN i END AS f FROM source.t
SELECT k, if(ok, i, b) AS a, CASE WHEN ok THEN d ELSE 0 END AS c FROM source.t
SELECT k FROM source.t WHERE i > (SELECT avg(i) FROM source.u) OR i = (SELECT max(i) FROM source.u)
SELECT k FROM source.t WHERE k IN (SELECT k FROM source.u) AND EXISTS (SELECT 1 FROM source.u WHERE u.k = t.k)
SELECT k FROM source.t WHERE i NOT IN (SELECT i FROM source.u WHERE i IS NOT NULL)
SELECT k FROM source.t WHERE i > ALL (SELECT i FROM source.u WHERE i < 0) AND i = ANY (SELECT i FROM source.u)
SELECT k FROM source.t WHERE k = 1.0 OR k = 2
`,
  'texts are cut, joined and compared by code points': `
SELECT k, upper(s) AS a, lower(s) AS b, length(s) AS c, strlen(s) AS e, trim(s) AS f, ltrim(s) AS g, rtrim(s) AS h FROM source.t
SELECT k, s || '-' || i AS a, s || 'x' AS b, concat(s, NULL, i, d) AS c, concat_ws('/', s, NULL, k) AS e FROM source.t
SELECT k, substr(s, 2) AS a, substr(s, 1, 2) AS b, substring(s, 2, 3) AS c, substr(s, -2) AS e, substring(s FROM 2 FOR 1) AS f, substr(s, 0, 2) AS g FROM source.t
SELECT k, left(s, 2) AS a, right(s, 2) AS b, left(s, -1) AS c, right(s, -1) AS e, repeat(s, 2) AS f, repeat(s, -1) AS g FROM source.t
SELECT k, lpad(s, 5, '*') AS a, rpad(s, 3, 'xy') AS b, replace(s, 'a', 'oo') AS c, replace(s, '', 'x') AS e, translate(s, 'ab', 'x') AS f FROM source.t
SELECT k, contains(s, 'a') AS a, starts_with(s, 'a') AS b, ends_with(s, 'a') AS c, prefix(s, '') AS e, suffix(s, '') AS f, contains(s, '') AS g FROM source.t
SELECT k, instr(s, 'a') AS a, strpos(s, 'b') AS b, position('a' IN s) AS c, split_part(s, ',', 2) AS e, split_part(s, 'a', -1) AS f FROM source.t
SELECT k, s LIKE 'a%' AS a, s LIKE '%\\d' AS b, s LIKE 'a\\_%' AS c, s LIKE 'a!_b!%%' ESCAPE '!' AS e, s NOT LIKE '_' AS f FROM source.t
SELECT k, s ILIKE 'A%' AS a, s ILIKE 'ÉA' AS b, s NOT ILIKE 'b' AS c, s ILIKE 'STRASSE' AS e FROM source.t
SELECT k, md5(s) AS a, sha256(s) AS b FROM source.t
SELECT k, trim(s, 'a ') AS a, ltrim(s, 'a') AS b, rtrim(s, '8d') AS c FROM source.t
SELECT k, regexp_matches(s, 'a') AS a, regexp_matches(s, '^[A-Z]') AS b, regexp_matches(s, '\\d+,\\d+') AS c, regexp_matches(s, 'a|B') AS e, regexp_full_match(s, '.') AS f FROM source.t
SELECT k, regexp_replace(s, '[aA]', '<\\0>') AS a, regexp_replace(s, '\\w', '.', 'g') AS b, regexp_replace(s, '(\\d)(\\d)', '\\2&\\1', 'g') AS c FROM source.t
SELECT k, regexp_extract(s, '[a-z]+') AS a, regexp_extract(s, '(\\d+),(\\d+)', 2) AS b, regexp_extract(s, 'zzz') AS c FROM source.t
SELECT k, regexp_matches(s, '^\\s') AS a, regexp_matches(s, 'S.r') AS b, regexp_matches(s, '(?:ab)?c$') AS c FROM source.t
SELECT 'it''s' AS a, $$dollar 'quoted'$$ AS b, E'tab\\there' AS c, 'back\\slash' AS d, '日本' AS e, '' AS f, $t$x$$y$t$ AS g
SELECT min(s) AS a, max(s) AS b, min(v) AS c FROM source.t, source.u
SELECT 'a' < 'B' AS a, 'é' < 'z' AS b, 'a' = 'A' AS c
`,
  'casts between texts and values read the same': `
SELECT CAST(n AS INTEGER) AS a, CAST(n AS BIGINT) AS b, CAST(m AS DOUBLE) AS c, CAST(n AS DECIMAL(10,2)) AS e, n::DOUBLE AS f FROM source.texts
SELECT CAST(d AS DATE) AS a, CAST(w AS BOOLEAN) AS b, CAST(d AS TIMESTAMP) AS c FROM source.texts
SELECT k, CAST(i AS VARCHAR) AS a, CAST(d AS VARCHAR) AS b, CAST(dt AS VARCHAR) AS c, CAST(ts AS VARCHAR) AS e, CAST(ok AS VARCHAR) AS f, CAST(b AS VARCHAR) AS g FROM source.t
SELECT CAST(d + 1 AS VARCHAR) AS a, CAST(d * 1.50 AS VARCHAR) AS b, CAST(CAST(d AS DECIMAL(12,1)) AS VARCHAR) AS c FROM source.t WHERE k NOT IN (5, 6)
SELECT n, TRY_CAST(n AS INTEGER) AS a, TRY_CAST(n AS BIGINT) AS b, TRY_CAST(n AS DOUBLE) AS c, TRY_CAST(n AS SMALLINT) AS e FROM source.odd
SELECT d, TRY_CAST(d AS DATE) AS a FROM source.odd WHERE d <> '12'
SELECT k, TRY_CAST(b AS INTEGER) AS a, TRY_CAST(i AS SMALLINT) AS c, TRY_CAST(i AS VARCHAR) AS e FROM source.t
SELECT CAST(ts AS DATE) AS a, CAST(dt AS TIMESTAMP) AS b, CAST(ts AS TIME) AS c FROM source.t
SELECT CAST('2020-01-31' AS DATE) AS a, '12'::INT AS b, '1.5'::DECIMAL(4,2) AS c, 'true'::BOOLEAN AS d, '2020-01-31 10:00:00'::TIMESTAMP AS e, '1.5'::DOUBLE AS f, 'nan'::DOUBLE AS g
SELECT CAST('5e6dbf3c-0d0a-4b2c-9b9d-0e6a1ad8a111' AS UUID) AS a, NULL::INTEGER AS b, NULL::VARCHAR AS c, CAST(NULL AS DATE) AS d
SELECT getvariable('run_date')::DATE AS a, getvariable('run_id') AS b, CAST(getvariable('n') AS INTEGER) + 1 AS c
`,
  'dates and times are taken apart and moved as on DuckDB': `
SELECT k, year(dt) AS a, month(dt) AS b, day(dt) AS c, quarter(dt) AS e, week(dt) AS f, dayofweek(dt) AS g, isodow(dt) AS h, dayofyear(dt) AS j FROM source.t
SELECT k, hour(ts) AS a, minute(ts) AS b, second(ts) AS c, epoch(ts) AS e, extract('isoyear' FROM dt) AS f, date_part('hour', dt) AS g FROM source.t
SELECT k, extract(year FROM ts) AS a, date_part('month', ts) AS b, extract(dow FROM dt) AS c, extract(doy FROM ts) AS e, date_part('epoch', dt) AS f FROM source.t
SELECT k, date_trunc('month', dt) AS a, date_trunc('week', dt) AS b, date_trunc('year', ts) AS c, date_trunc('hour', ts) AS e, date_trunc('quarter', dt) AS f, date_trunc('day', ts) AS g FROM source.t
SELECT a.k, b.k AS o, date_diff('day', a.dt, b.dt) AS d, date_diff('month', a.dt, b.dt) AS m, date_diff('year', a.dt, b.dt) AS y, date_diff('quarter', a.dt, b.dt) AS q FROM source.t a, source.t b
SELECT a.k, b.k AS o, date_diff('hour', a.ts, b.ts) AS h, datediff('minute', a.ts, b.ts) AS m, date_diff('second', a.ts, b.ts) AS s, date_diff('day', a.ts, b.ts) AS d FROM source.t a, source.t b
SELECT k, dt + 1 AS a, dt - 30 AS b, dt - DATE '2020-01-01' AS c, dt + INTERVAL 1 MONTH AS e, ts - INTERVAL 2 DAYS AS f, dt + INTERVAL (k) DAY AS g FROM source.t
SELECT k, ts + INTERVAL '3 hours' AS a, ts - INTERVAL 90 MINUTES AS b, date_add(dt, INTERVAL 1 YEAR) AS c, dt + to_days(k) AS e, ts + INTERVAL '1' DAY AS f FROM source.t
SELECT k, dt - INTERVAL 1 MONTH AS a, (dt + INTERVAL 1 MONTH)::DATE AS b, last_day(dt) AS c, last_day(ts) AS e FROM source.t
SELECT k, strftime(dt, '%Y-%m-%d') AS a, strftime(ts, '%H:%M:%S') AS b, strftime(ts, '%Y%m%dT%H%M%S.%f') AS c, strftime(dt, '%d.%m.%y, week %V of "%G"') AS e, strftime(dt, '%B %b %A %a %j %-d %-m') AS f, strftime(ts, '%I:%M %p %g %%') AS g FROM source.t
SELECT k, dayname(dt) AS a, monthname(dt) AS b, make_date(2020, k, 1) AS c FROM source.t WHERE k < 13
SELECT k, epoch_ms(ts) AS a, epoch_us(ts) AS b FROM source.t
SELECT current_date AS a, today() AS b, CAST(now() AS DATE) AS c, CAST(current_timestamp AS TIMESTAMP) AS d, now() AS e
SELECT k FROM source.t WHERE dt >= current_date - INTERVAL 5 YEARS
SELECT max(dt) AS a, min(ts) AS b, max(ts) - min(ts) > INTERVAL 3 DAYS AS c FROM source.t
SELECT TIMESTAMP '2020-01-03 10:00:00' - TIMESTAMP '2020-01-01 12:00:00' > INTERVAL '1 day 21 hours' AS a, INTERVAL 1 MONTH = INTERVAL 30 DAYS AS b
`,
  'aggregates count, add and order as on DuckDB': `
SELECT count(*) AS a, count(i) AS b, count(DISTINCT s) AS c, sum(i) AS e, sum(d) AS f, avg(i) AS h, avg(d) AS j, sum(ok) AS m FROM source.t
SELECT sum(x) AS a, avg(x) AS b, min(x) AS c, max(x) AS e FROM source.t WHERE abs(x) < 1e9
SELECT min(x) AS a, max(x) AS b, min(d) AS c, max(i) AS e, min(ok) AS f, max(ok) AS g FROM source.t
SELECT s, count(*) AS n, sum(b) AS a, avg(si) AS m FROM source.t WHERE k <> 6 GROUP BY s
SELECT count(*) AS a, sum(i) AS b, avg(i) AS c, max(s) AS e, string_agg(s, ',' ORDER BY k) AS f, count_if(ok) AS g FROM source.t WHERE k > 100
SELECT ok, count(*) FILTER (WHERE i > 0) AS a, sum(i) FILTER (i > 0) AS b, count_if(i > 0) AS c, avg(d) FILTER (WHERE k < 5) AS e FROM source.t GROUP BY ok
SELECT ok, string_agg(s, ', ' ORDER BY k) AS a, string_agg(s ORDER BY s DESC) AS b, group_concat(s, ';' ORDER BY s NULLS FIRST) AS c FROM source.t GROUP BY ok
SELECT ok, string_agg(DISTINCT s, ',' ORDER BY s) AS a FROM source.t GROUP BY ok
SELECT ok, list(i ORDER BY k) AS a, list(s ORDER BY s, k) AS b, array_agg(k ORDER BY x DESC, k) AS c, list(DISTINCT i ORDER BY i DESC) AS e FROM source.t GROUP BY ok
SELECT ok, arg_max(s, k) AS a, arg_min(s, k) AS b, max_by(i, k) AS c, first(s ORDER BY k) AS e, any_value(s ORDER BY k DESC) AS f FROM source.t GROUP BY ok
SELECT median(i) AS a, quantile_cont(i, 0.25) AS b, quantile_disc(i, 0.5) AS c, quantile_disc(s, 0.9) AS e, median(x) AS f FROM source.t WHERE k NOT IN (6, 7, 8)
SELECT stddev(i) AS a, var_pop(si) AS b, stddev_pop(si) AS c, variance(d) AS e, corr(i, si) AS f, covar_pop(k, si) AS g FROM source.t WHERE k NOT IN (5, 6)
SELECT bool_and(ok) AS a, bool_or(ok) AS b, bool_and(i > 0) AS c FROM source.t
SELECT sum(DISTINCT i) AS a, avg(DISTINCT si) AS b, count(DISTINCT ok) AS c FROM source.t
SELECT s, i, count(*) AS n FROM source.t GROUP BY ALL
SELECT upper(s) AS u, i + 1 AS j, sum(d) AS total FROM source.t WHERE k NOT IN (5, 6) GROUP BY ALL
SELECT s AS name, count(*) AS n FROM source.t GROUP BY name HAVING n > 1
SELECT i % 2 AS odd, count(*) AS n FROM source.t GROUP BY 1
SELECT ok, s, count(*) AS n FROM source.t GROUP BY ROLLUP (ok, s)
SELECT ok, i > 0 AS p, count(*) AS n FROM source.t GROUP BY CUBE (ok, p)
SELECT ok, s, sum(i) AS n FROM source.t GROUP BY GROUPING SETS ((ok), (s), ())
SELECT s, i, count(*) AS n FROM source.t GROUP BY GROUPING SETS ((s, i), (s), (s))
SELECT 'all' AS what, count(*) AS n FROM source.t GROUP BY ALL
SELECT max(s) || '!' AS a, sum(i) / count(*) AS b, sum(i) * 2 AS c, round(avg(i), 2) AS e, sum(d) + 1 AS f FROM source.t
SELECT count(*) AS n FROM source.t HAVING count(*) > 100
`,
  'windows give the same ranks, neighbours and sums': `
SELECT k, row_number() OVER (ORDER BY s, k) AS a, rank() OVER (ORDER BY i DESC) AS b, dense_rank() OVER (PARTITION BY ok ORDER BY s) AS c FROM source.t
SELECT k, lag(i) OVER (ORDER BY k) AS a, lead(s, 2) OVER (ORDER BY k) AS b, lag(i, 1, 0) OVER (PARTITION BY ok ORDER BY k) AS c FROM source.t
SELECT k, sum(si) OVER (ORDER BY k) AS a, avg(i) OVER (PARTITION BY ok) AS b, count(*) OVER () AS c, max(s) OVER (PARTITION BY ok ORDER BY k) AS e FROM source.t
SELECT k, sum(i) OVER (ORDER BY k ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS a, sum(si) OVER (ORDER BY k ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS b, count(*) OVER (ORDER BY i GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS c FROM source.t
SELECT k, first_value(s) OVER (PARTITION BY ok ORDER BY k) AS a, last_value(s) OVER (PARTITION BY ok ORDER BY k ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS b, nth_value(k, 2) OVER (ORDER BY k) AS c FROM source.t
SELECT k, ntile(3) OVER (ORDER BY k) AS a, percent_rank() OVER (ORDER BY i) AS b, cume_dist() OVER (ORDER BY s DESC) AS c FROM source.t
SELECT k, sum(i) OVER w AS a, row_number() OVER w AS b FROM source.t WINDOW w AS (PARTITION BY ok ORDER BY k DESC)
SELECT k, s FROM source.t QUALIFY row_number() OVER (PARTITION BY ok ORDER BY k DESC) = 1
SELECT k, i, rank() OVER (ORDER BY i DESC NULLS FIRST) AS r FROM source.t QUALIFY r <= 3
SELECT DISTINCT ok FROM source.t QUALIFY row_number() OVER (PARTITION BY ok ORDER BY k) > 0
SELECT s, count(*) AS n FROM source.t GROUP BY s QUALIFY row_number() OVER (ORDER BY count(*) DESC, s) <= 2
SELECT k, sum(d) OVER (PARTITION BY ok ORDER BY k) AS a, count(i) FILTER (WHERE i > 0) OVER (PARTITION BY ok) AS b, i / sum(i) OVER () AS c FROM source.t
`,
  'order and limit keep the same rows': `
SELECT k FROM source.t ORDER BY i DESC, k LIMIT 5
SELECT k FROM source.t ORDER BY i, k DESC LIMIT 4
SELECT k, s FROM source.t ORDER BY s LIMIT 5
SELECT k, s FROM source.t ORDER BY s DESC, k LIMIT 4 OFFSET 2
SELECT k, s FROM source.t ORDER BY s NULLS FIRST, k LIMIT 3
SELECT k, x FROM source.t ORDER BY x DESC, k LIMIT 3
SELECT k, x FROM source.t ORDER BY x, k LIMIT 3
SELECT s, k FROM source.t ORDER BY ALL LIMIT 6
SELECT DISTINCT s FROM source.t ORDER BY s DESC LIMIT 4
SELECT DISTINCT s, i FROM source.t ORDER BY 2, 1 LIMIT 4
SELECT DISTINCT ON (ok) ok, k, s FROM source.t ORDER BY ok, k DESC
SELECT DISTINCT ON (ok) k FROM source.t ORDER BY s DESC, k LIMIT 2
SELECT upper(s) AS u, k FROM source.t ORDER BY u, k LIMIT 5
SELECT s, count(*) AS n FROM source.t GROUP BY s ORDER BY n DESC, s LIMIT 3
SELECT k FROM source.t LIMIT 0
SELECT k FROM source.t WHERE k IN (SELECT k FROM source.u ORDER BY p DESC, k LIMIT 3)
SELECT k AS a, i AS k FROM source.t ORDER BY k, a LIMIT 4
`,
  'names, stars and aliases mean the same': `
SELECT * FROM source.u
FROM source.u SELECT v, k
FROM source.u
SELECT * EXCLUDE (v, p) FROM source.u
SELECT * REPLACE (upper(v) AS v) FROM source.u
SELECT u.* EXCLUDE (k), t.s FROM source.t JOIN source.u USING (k)
SELECT * RENAME (v AS w) FROM source.u
SELECT i + 1 AS j, j * 2 AS l, l - j AS m FROM source.u
SELECT K, I, "V" FROM source.U
SELECT k AS "Total Amount", v AS "select", p AS Camel FROM source.u
SELECT "Id", "select", "two words" FROM source."mixed"
SELECT * FROM source."Mixed"
SELECT m.Id, m."Two Words" AS x FROM source."Mixed" AS m WHERE m."select" = 'x'
SELECT k + 1, count(*) FROM source.u GROUP BY k
SELECT q.a FROM (SELECT k + 1 AS a, count(*) FROM source.u GROUP BY k) AS q
SELECT * FROM (SELECT max(k), min(v) FROM source.u)
SELECT T.k, U.v FROM source.t T, source.u U WHERE T.K = U.K
SELECT a.x FROM source.u AS a(x, y)
SELECT x FROM (VALUES (1, 'a'), (2, NULL), (NULL, 'c')) AS v(x, y)
SELECT x + 1.5 AS z, y FROM (VALUES (1, 1.5), (2, 2)) AS v(x, y)
VALUES (1, 'a'), (2, 'b')
SELECT /* a comment */ k -- another
FROM source.u
SELECT s FROM source.t AS s WHERE s.s = 'a'
`,
  'joins find the same partners': `
SELECT t.k, u.v FROM source.t JOIN source.u ON t.k = u.k
SELECT t.k, u.v FROM source.t LEFT JOIN source.u ON t.k = u.k AND u.i > 0
SELECT t.k, u.k AS o FROM source.t FULL JOIN source.u ON t.k = u.k
SELECT k, t.i, u.p FROM source.t FULL JOIN source.u USING (k)
SELECT k, u.p FROM source.t RIGHT JOIN source.u USING (k)
SELECT * FROM source.u JOIN (SELECT k, s FROM source.t) AS q USING (k)
SELECT k, i, v FROM (SELECT k, i FROM source.t) NATURAL JOIN source.u
SELECT t.k FROM source.t SEMI JOIN source.u ON t.i = u.i
SELECT t.k FROM source.t ANTI JOIN source.u USING (i) WHERE t.k < 9
SELECT t.k, u.k AS o FROM source.t CROSS JOIN source.u WHERE t.i < u.i
SELECT t.k, l.m FROM source.t, LATERAL (SELECT max(u.p) AS m FROM source.u WHERE u.i = t.i) AS l
SELECT t.k, (SELECT count(*) FROM source.u WHERE u.i = t.i) AS n FROM source.t
SELECT t.k FROM source.t JOIN (source.u JOIN source.texts ON u.v = texts.n) ON t.k = u.k
SELECT a.k, b.k AS o FROM source.u a JOIN source.u b ON a.v = b.v AND a.k < b.k
SELECT t.k, u.v FROM source.t LEFT JOIN source.u ON t.s = u.v LEFT JOIN source.texts x ON x.n = u.v
SELECT g.n FROM generate_series(1, 5) AS g(n)
SELECT range AS r FROM range(3)
SELECT t.k, g.i AS n FROM source.t, range(1, t.k) AS g(i) WHERE t.k < 4
SELECT t.k FROM source.t JOIN source.u ON t.b = u.i
`,
  'set operations and CTEs give the same rows': `
SELECT i FROM source.t UNION SELECT i FROM source.u
SELECT i FROM source.t UNION ALL SELECT b FROM source.t
SELECT k, i FROM source.t EXCEPT SELECT k, i FROM source.u
SELECT i FROM source.t INTERSECT SELECT i FROM source.u
SELECT i FROM source.u EXCEPT ALL SELECT i FROM source.t WHERE k = 2
SELECT i FROM source.u INTERSECT ALL SELECT i FROM source.u WHERE k = 13
SELECT k, i FROM source.t UNION ALL BY NAME SELECT v, k FROM source.u
SELECT k, i FROM source.t UNION BY NAME SELECT i, k FROM source.u
SELECT i AS n FROM source.t UNION ALL SELECT p FROM source.u
SELECT s FROM source.t UNION SELECT v FROM source.u ORDER BY 1 DESC LIMIT 5
SELECT k FROM source.t UNION ALL SELECT k FROM source.u ORDER BY k LIMIT 4
SELECT 1 AS a UNION ALL SELECT NULL UNION ALL SELECT 2.5
SELECT 'a' AS x UNION ALL SELECT v FROM source.u
(SELECT k FROM source.t ORDER BY k DESC LIMIT 2) UNION ALL (SELECT k FROM source.u ORDER BY k LIMIT 1)
WITH a AS (SELECT k, sum(i) AS total FROM source.t GROUP BY ALL) SELECT a.k, a.total - u.i AS d FROM a JOIN source.u USING (k)
WITH a AS MATERIALIZED (SELECT * FROM source.u), b(x) AS NOT MATERIALIZED (SELECT k FROM a) SELECT x, v FROM b JOIN a ON x = a.k
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r
WITH RECURSIVE r(k, path) AS (SELECT k, v FROM source.u WHERE k = 1 UNION ALL SELECT r.k + 1, r.path || '/' || u.v FROM r JOIN source.u ON u.k = r.k + 1 WHERE r.k < 3) SELECT * FROM r
WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT (n + 1) % 3 FROM r) SELECT n FROM r
WITH a AS (SELECT 1 AS x), b AS (WITH a AS (SELECT 2 AS x) SELECT x FROM a) SELECT a.x, b.x AS y FROM a, b
SELECT k FROM source.u UNION (SELECT k FROM source.t EXCEPT SELECT 1)
`,
  'lists are made, read and unnested': `
SELECT [k, i] AS a, [k, i][1] AS b, len([1, 2, NULL]) AS c, list_contains([1, 2], i) AS e FROM source.u
SELECT []::INTEGER[] AS a, ['x', NULL] AS b, [1.5, 2] AS c
SELECT k, unnest([k, i]) AS n FROM source.u
SELECT u.n FROM unnest([3, 1, 2]) AS u(n)
SELECT len(l) AS a, l[2] AS b, list_contains(l, 7) AS c, list_contains(l, NULL) AS e FROM (SELECT list(i ORDER BY k) AS l FROM source.t)
SELECT unnest(l) AS n FROM (SELECT list(k ORDER BY k) AS l FROM source.t GROUP BY ok)
`,
  'what people write in one query gives the same rows': `
SELECT i::TEXT AS a, i::STRING AS b, i::NUMERIC AS c, i::FLOAT8 AS d, i::INT8 AS e, i::REAL AS f, k::INT2 AS g FROM source.u
SELECT i IS TRUE AS a FROM (SELECT k > 3 AS i FROM source.u)
SELECT (k > 3) IS NOT TRUE AS a, (i > 3) IS FALSE AS b, k IS NOT DISTINCT FROM i AS c FROM source.u
SELECT k FROM source.t WHERE ts > now() - INTERVAL 10 YEARS
SELECT sum(x::FLOAT) AS a, avg(x::FLOAT) AS b, max(x::FLOAT) AS c FROM source.t WHERE abs(x) < 1e9
SELECT t1.k FROM source.t t1 JOIN source.t t2 ON t1.s = t2.s AND t1.k <> t2.k
SELECT k, date_trunc('day', now()) AS a, year(now()) AS b, now()::DATE - dt AS c FROM source.t
SELECT k, strftime(current_date, '%Y-%m') AS a FROM source.u
SELECT q.* FROM (SELECT * FROM source.u ORDER BY k LIMIT 2) q JOIN source.u USING (k)
SELECT t.*, u.v FROM source.t LEFT JOIN source.u ON t.k = u.k
SELECT count(*) AS n, sum(n) AS s FROM (SELECT s, count(*) AS n FROM source.t GROUP BY s)
SELECT k, max(d) OVER (PARTITION BY s) - d AS a FROM source.t
SELECT k, CASE WHEN i IS NULL THEN NULL ELSE NULL END AS a FROM source.u
SELECT avg(k) OVER (ORDER BY k) AS a, count(*) OVER (ORDER BY s) AS b FROM source.t
SELECT substring(s, 2) AS a, s[1] AS b FROM source.t
SELECT k, 1 + CASE WHEN ok THEN 1 ELSE 0 END AS a, -x AS b, x * -1 AS c FROM source.t
SELECT sum(i * 1.0) / nullif(sum(si), 0) AS a, 100.0 * count(*) / sum(count(*)) OVER () AS b FROM source.t WHERE k < 5 GROUP BY ok
SELECT k, lag(s, 1, 'none') OVER (ORDER BY k) AS a, lead(dt) OVER (ORDER BY k) - dt AS b FROM source.t
SELECT min(dt) AS a, max(dt) - min(dt) AS b, count(DISTINCT date_trunc('month', dt)) AS c FROM source.t
SELECT dt, sum(count(*)) OVER (ORDER BY dt) AS running FROM source.t GROUP BY dt
SELECT t.k, n.m FROM source.t, (SELECT avg(i) AS m FROM source.t) n WHERE t.i > n.m
SELECT coalesce(u.v, 'none') AS v, count(*) AS n FROM source.t LEFT JOIN source.u USING (k) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5
SELECT * FROM source.t WHERE k = (SELECT max(k) FROM source.t)
SELECT k FROM source.t WHERE s LIKE '%' || 'a' AND s NOT LIKE 'é%' OR s LIKE ''
SELECT DISTINCT s AS a, upper(s) AS b FROM source.t ORDER BY a NULLS FIRST, b LIMIT 3
SELECT a.k FROM source.t a WHERE NOT EXISTS (SELECT * FROM source.u b WHERE b.k = a.k)
SELECT k, sum(i) FILTER (WHERE ok) AS a FROM source.t GROUP BY k HAVING sum(i) FILTER (WHERE ok) IS NOT NULL
SELECT i, k FROM source.t UNION SELECT i, NULL FROM source.u
SELECT NULL AS a UNION ALL SELECT 'x'
SELECT CAST('a' AS VARCHAR(3)) AS a, CAST(k AS VARCHAR(10)) AS b FROM source.u
SELECT round(i, 2) AS a, round(-2.5) AS b, round(d, 2) - d AS c FROM source.t WHERE k < 5
SELECT * FROM (SELECT k, i FROM source.u) AS a(x, y) WHERE x > 1
SELECT k, (i > 0)::INT + 1 AS a, CAST(ok AS VARCHAR) AS b FROM source.t
SELECT TIMESTAMP '2020-01-01 00:00:00' + INTERVAL 36 HOURS AS a, DATE '2020-03-31' - INTERVAL 1 MONTH AS b
SELECT last_value(k) OVER (ORDER BY i NULLS FIRST, k) AS a FROM source.t
SELECT substring(s, 2) AS a, s[1] AS b, s[2:3] AS c FROM source.t
SELECT k, string_split(s, ',') AS a, string_split(s, 'a')[1] AS b, len(string_split(s, ' ')) AS c FROM source.t
SELECT k, unnest(string_split(s, ',')) AS part FROM source.t
SELECT g.d::DATE AS d FROM generate_series(DATE '2020-01-30', DATE '2020-03-02', INTERVAL 1 DAY) AS g(d)
SELECT g.d AS m, count(t.k) AS n FROM generate_series(DATE '2019-12-01', DATE '2020-03-01', INTERVAL 1 MONTH) AS g(d) LEFT JOIN source.t ON date_trunc('month', t.dt) = g.d GROUP BY ALL
SELECT x::FLOAT AS f, x::FLOAT + 1 AS g, x::FLOAT * 2 AS h FROM source.t
SELECT 'all' AS what, count(*) AS n FROM source.t WHERE k > 100 GROUP BY ALL
SELECT current_date AS x, count(*) AS n FROM source.t WHERE k > 100 GROUP BY ALL
SELECT lower('A') AS x, count(*) AS n FROM source.t WHERE k > 100 GROUP BY x
SELECT 1 AS x FROM source.t GROUP BY ALL
SELECT 1 AS x, x + 1 AS y, count(*) AS n FROM source.t WHERE k > 100 GROUP BY ALL
SELECT s AS a, a || 'b' AS y, count(*) AS n FROM source.t GROUP BY ALL
SELECT *, count(*) AS n FROM source.u GROUP BY ALL
SELECT i % 2 AS i, count(*) AS n FROM source.t GROUP BY i
SELECT i + 1 AS k, k * 2 AS z FROM source.t WHERE t.k < 5
SELECT u.* FROM source.t JOIN source.u USING (k)
SELECT k AS qualified, s FROM source.t QUALIFY row_number() OVER (PARTITION BY ok ORDER BY k) = 1
SELECT coalesce(s, v) AS a, s || v AS b FROM source.t LEFT JOIN source.u USING (k) WHERE coalesce(s, v) < 'b'
SELECT a, b FROM (SELECT max(s) AS a, min(v) AS b FROM source.t, source.u) WHERE a > b AND a <> b
SELECT max(a) AS m FROM (SELECT max(s) AS a FROM source.t GROUP BY ok UNION ALL SELECT v FROM source.u)
WITH RECURSIVE r AS (SELECT max(v) AS m, 1 AS n FROM source.u UNION ALL SELECT upper(m), n + 1 FROM r WHERE n < 3) SELECT m, n FROM r
SELECT k, sum(sum(i)) OVER (ORDER BY k) AS a FROM source.t WHERE k < 5 GROUP BY k
SELECT k, CASE WHEN s > 'a' THEN s ELSE upper(s) END AS a FROM source.t ORDER BY a, k LIMIT 3
`,
  'small differences make none': `
SELECT x, count(*) AS n FROM source.t GROUP BY x
SELECT DISTINCT x * 0 AS z FROM source.t
SELECT x * 0 AS z, count(*) AS n FROM source.t GROUP BY ALL
SELECT k, a.i AS ai, b.p, c.s FROM source.u a FULL JOIN source.u b USING (k) FULL JOIN source.t c USING (k)
SELECT k, u.p, w.v FROM source.t LEFT JOIN source.u USING (k) LEFT JOIN source.u AS w USING (k)
SELECT k, u.p FROM source.t RIGHT JOIN source.u USING (k) LEFT JOIN source.t AS w USING (k)
SELECT * FROM source.u NATURAL JOIN (SELECT k, big, 1 AS one FROM source.u) AS w
SELECT k FROM source.t JOIN (SELECT big AS k FROM source.u) AS w USING (k)
SELECT k FROM (SELECT big AS k FROM source.u) AS w FULL JOIN source.t USING (k)
SELECT k FROM source.t WHERE x IN (0, 0.5) OR x = -0.0
SELECT 1 / x AS a FROM source.t WHERE k = 13
SELECT k, s FROM source.t WHERE x BETWEEN -1 AND 1
SELECT a.k, b.k AS o FROM source.t a JOIN source.t b ON a.x = b.x WHERE a.k <> b.k
SELECT k, TRY_CAST(s AS DOUBLE) AS a, TRY_CAST(s AS INTEGER) AS b FROM source.t
SELECT 1 AS "A", 2 AS a2, 3 AS "a b" FROM source.u LIMIT 0
SELECT q."A" + q.B AS c FROM (SELECT k AS "a", i AS b FROM source.u) AS q
WITH "Big" AS (SELECT k AS "Key" FROM source.u) SELECT big.key FROM BIG
SELECT "t".K FROM source."T" AS "t"
SELECT k AS "order", i AS "GROUP" FROM source.u ORDER BY "order", "group" LIMIT 2
SELECT avg(d) AS a, sum(d) / count(d) AS b, avg(b) AS c FROM source.t WHERE k NOT IN (5, 6)
SELECT round(avg(i), 1) AS a, floor(avg(k)) AS b, avg(i) = 2.5 AS c FROM source.t WHERE k IN (1, 2, 3)
SELECT (SELECT sum(u.i) FROM source.u WHERE u.k <= t.k) AS a, (SELECT count(*) FROM source.u WHERE u.v < t.s) AS b FROM source.t
SELECT t.k FROM source.t WHERE t.i = (SELECT max(u.i) FROM source.u WHERE u.k = t.k)
SELECT t.k, x.n FROM source.t LEFT JOIN LATERAL (SELECT count(*) AS n FROM source.u WHERE u.k > t.k) AS x ON true
SELECT sum(a) AS s FROM (SELECT k AS a FROM source.t UNION ALL SELECT i FROM source.u) AS q
SELECT k, count(*) OVER (PARTITION BY x) AS n FROM source.t
SELECT b.k FROM source.u AS a, source.u AS b WHERE a.k = b.k
SELECT k, strftime(dt, '%Y') AS y, dt::VARCHAR AS v, dt + INTERVAL 1 DAY AS n FROM source.t WHERE k <> 14
`,
  'other types and odd names pass as they are': `
SELECT k, id, tz, tm, iv, f, ti, ui, ub, h FROM source.kinds
SELECT * EXCLUDE (bytes, j) FROM source.kinds WHERE id > '10000000-0000-0000-0000-000000000000'
SELECT k FROM source.kinds ORDER BY id DESC, k LIMIT 2
SELECT k FROM source.kinds WHERE tz = TIMESTAMPTZ '2020-01-31 23:59:59.5+00'
SELECT tz, count(*) AS n, max(tm) AS a, min(iv) AS b, max(ub) AS c, max(h) AS e, min(ti) AS f FROM source.kinds GROUP BY tz
SELECT k, tz::DATE AS a, tz::TIMESTAMP AS b, date_trunc('month', tz) AS c, year(tz) AS e, hour(tz) AS f, tz + INTERVAL 1 DAY AS g FROM source.kinds
SELECT k FROM source.kinds WHERE iv = INTERVAL 1 MONTH OR tm >= TIME '23:00:00' OR f > 1
SELECT a.k, b.k AS o FROM source.kinds a JOIN source.kinds b ON a.ub = b.ub AND a.ui = b.ui AND a.bytes = b.bytes
SELECT k, iv * 2 AS a, iv + INTERVAL 1 DAY AS b FROM source.kinds WHERE k < 3
SELECT k, id::VARCHAR AS a, tm::VARCHAR AS b, h::VARCHAR AS c, ub::VARCHAR AS e, ti::VARCHAR AS f FROM source.kinds
SELECT h + 1 AS a, h * 2 AS b, h / 3 AS c, sum(h) AS e FROM source.kinds WHERE k <> 2 GROUP BY h
SELECT k, ti::INTEGER + 1 AS a, ui::BIGINT * 2 AS b FROM source.kinds
SELECT f * 2 AS a, -f AS b, abs(f) AS c, f::DOUBLE / 3 AS e, sum(f) OVER (ORDER BY k) AS g FROM source.kinds WHERE k < 4
SELECT count(j) AS n, count(bytes) AS m, count(DISTINCT bytes) AS o FROM source.kinds
SELECT "x""y; --" AS "q""; DROP TABLE", o."a.b" AS "'" FROM source."Odd ""Names""" AS o
SELECT * FROM source."odd ""names"""
SELECT "weird ""alias"""."x""y; --" + "ünï" AS v FROM source."Odd ""Names""" AS "weird ""alias"""
WITH "a ""cte""" AS (SELECT "a.b" AS "it's" FROM source."Odd ""Names""") SELECT * FROM "a ""cte"""
SELECT k, j FROM source.kinds
`,
  'patterns of columns, ranges of windows and times that are read give the same': `
SELECT max(COLUMNS(*)) FROM source.u
SELECT min(COLUMNS('k|i')) FROM source.u
SELECT coalesce(COLUMNS('k|i'), 0) FROM source.u
SELECT COLUMNS(* EXCLUDE (v)) FROM source.u
SELECT u.k, COLUMNS('^(i|v)$') FROM source.u
SELECT ok, sum(COLUMNS('^(i|si)$')) FROM source.t WHERE k NOT IN (5, 6) GROUP BY ok
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY i) AS b, quantile(i, 0.9) AS c, percentile_disc(0.25) WITHIN GROUP (ORDER BY v) AS d FROM source.u
SELECT k, sum(i) OVER (ORDER BY k RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING) AS a, count(*) OVER (ORDER BY i RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS b FROM source.t WHERE k <> 6
SELECT k, count(*) OVER (ORDER BY dt RANGE BETWEEN INTERVAL 30 DAYS PRECEDING AND CURRENT ROW) AS a, count(*) OVER (ORDER BY ts DESC RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND INTERVAL 400 DAYS FOLLOWING) AS b FROM source.t
SELECT k, count(*) OVER (ORDER BY dt RANGE BETWEEN INTERVAL 1 MONTH PRECEDING AND CURRENT ROW) AS a FROM source.t
SELECT k, sum(si) OVER (PARTITION BY ok ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '2 days' PRECEDING) AS a FROM source.t
SELECT isnan(x) AS a, isinf(x) AS b, isfinite(x) AS c FROM source.t
SELECT i & 3 AS a, i | b AS b, xor(si, 1) AS c, k & 1 = 1 AS d FROM source.t
SELECT time_bucket(INTERVAL 15 MINUTES, ts) AS a, time_bucket(INTERVAL 7 DAYS, dt) AS b, time_bucket(INTERVAL 1 WEEK, ts) AS c, time_bucket(INTERVAL '2 hours', ts) AS d FROM source.t
SELECT to_timestamp(b) AS a, to_timestamp(k) AS c FROM source.t WHERE k NOT IN (5, 6)
SELECT ts AT TIME ZONE 'UTC' AS a, (ts AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS b FROM source.t
SELECT d::DATE AS d FROM range(DATE '2020-01-01', DATE '2020-02-01', INTERVAL 1 DAY) AS t(d)
SELECT d FROM range(TIMESTAMP '2020-01-01 10:00:00', TIMESTAMP '2020-01-03 11:30:00', INTERVAL '6 hours') AS t(d)
SELECT v, strptime(v, '%Y-%m-%d') AS a, try_strptime(w, '%d/%m/%Y %H:%M:%S') AS b, strptime(w, '%d/%m/%Y %H:%M:%S')::DATE AS c FROM (VALUES ('2020-01-31', '31/01/2020 23:59:58'), ('0999-02-28', '1/12/1999  0:00:00'), (NULL, NULL)) AS dates(v, w)
SELECT v, try_strptime(v, '%Y-%m-%d') AS a, try_strptime(v, '%Y%m%d') AS b, try_strptime(v, '%d.%m.%Y') AS c, try_strptime(v, '%Y-%m-%d %H:%M') AS d, try_strptime(v, '%Y/%m') AS e FROM (VALUES ('2020-1-2'), (' 2020-01-02 '), ('2020-01-02x'), ('2020-13-01'), ('2020-02-30'), ('2020 -01-02'), ('2020-01-02 00'), ('9999-12-31'), ('20200131'), ('2020131'), ('202011'), ('31.01.2020'), ('1.1.2020'), ('2020-01-02 23:59'), ('2020-01-02 24:00'), ('2020-01-02 9:5'), ('2020-01-0209:05'), ('2020/2'), ('2020/02'), ('2020/13'), (''), ('x'), ('12:30:15 2020'), ('12:30:60 2020'), ('１２'), (NULL)) AS forms(v)
SELECT v FROM (VALUES ('2020-1-2'), (' 2020-01-02 '), ('2020-01-02x'), ('2020-13-01'), ('2020-02-30'), ('2020 -01-02'), ('2020-01-02 00'), ('9999-12-31'), ('20200131'), ('2020131'), ('202011'), ('31.01.2020'), ('1.1.2020'), ('2020-01-02 23:59'), ('2020-01-02 24:00'), ('2020-01-02 9:5'), ('2020-01-0209:05'), ('2020/2'), ('2020/02'), ('2020/13'), (''), ('x'), ('12:30:15 2020'), ('12:30:60 2020'), ('１２'), (NULL)) AS forms(v) WHERE try_strptime(v, '%H:%M:%S %Y') IS NULL
`,
}
