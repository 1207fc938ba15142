-- Tables that outputs are written to, in the database of the engine. What one holds is recorded in the transaction that
-- changes it, so that nothing is written twice. An order is {"step", "steps", "node", "schema", "table", "mode", "database",
-- "columns", "keys", "null_keys", "time", "create_table", "recreate", "rows_from", "statements", "content", "rows", "held"}.

CREATE TABLE seeknal.targets (
  project text NOT NULL REFERENCES seeknal.projects,
  -- '': production.
  environment text NOT NULL,
  step text NOT NULL,
  node text NOT NULL,
  schema_name text NOT NULL,
  table_name text NOT NULL,
  mode text NOT NULL,
  -- Stands for the rows that it holds.
  content text NOT NULL,
  -- It was not there before.
  created boolean NOT NULL,
  rows bigint NOT NULL,
  run_id text NOT NULL,
  written_at text NOT NULL,
  PRIMARY KEY (project, environment, step)
);

-- Refused unless the session of the backend holds the lock; nobody else gets it before this transaction ends.
CREATE FUNCTION seeknal.require_holder(of_project text, lock_name text, of_backend integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM seeknal.holders WHERE project = of_project AND lock = lock_name AND backend = of_backend FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lock on % was taken away', lock_name USING ERRCODE = 'SK003';
  END IF;
END $$;

-- Whether every value of the type `here` is one of a column of the type `there`, or is refused: nothing is rounded or cut off.
CREATE FUNCTION seeknal.holds(there text, here text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN there = here THEN true
    WHEN here ~ '^(text|character varying(\(\d+\))?)$' THEN there ~ '^(text|character varying(\(\d+\))?)$'
    WHEN here = 'text[]' THEN there = 'character varying[]'
    WHEN here IN ('json', 'jsonb') THEN there IN ('json', 'jsonb')
    WHEN here = 'real' THEN there = 'double precision'
    WHEN here IN ('smallint', 'integer', 'bigint') THEN there ~ '^numeric(\(\d+,\d+\))?$'
      OR coalesce(array_position(ARRAY['smallint', 'integer', 'bigint'], there) > array_position(ARRAY['smallint', 'integer', 'bigint'], here), false)
    WHEN here ~ '^numeric\(\d+,\d+\)$' THEN there = 'numeric'
      OR coalesce(substring(there FROM '^numeric\(\d+,(\d+)\)$')::integer >= substring(here FROM ',(\d+)\)$')::integer, false)
    ELSE false END
$$;

-- A type as format_type() spells it; of a domain what it is a domain of.
CREATE FUNCTION seeknal.base_type(of_type oid, modifier integer) RETURNS text
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE b AS (
    SELECT of_type AS type, modifier AS modifier
    UNION ALL
    SELECT t.typbasetype, CASE WHEN t.typtypmod = -1 THEN b.modifier ELSE t.typtypmod END
    FROM b JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd'
  )
  SELECT format_type(b.type, b.modifier) FROM b JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd'
$$;

-- The table of an order; NULL: there is none. What is something else is refused.
CREATE FUNCTION seeknal.target_table(ord jsonb) RETURNS oid
LANGUAGE plpgsql STABLE AS $$
DECLARE
  found oid;
  kind "char";
BEGIN
  SELECT c.oid, c.relkind INTO found, kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ord->>'schema' AND c.relname = ord->>'table';
  IF found IS NOT NULL AND kind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION '%.% is %, not a table', ord->>'schema', ord->>'table',
      CASE kind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' ELSE 'something else' END
      USING ERRCODE = 'SK004';
  END IF;
  RETURN found;
END $$;

-- What the table lacks of the output's columns: {"missing": […], "recreate": true}. Other differences are refused.
CREATE FUNCTION seeknal.fit_of(ord jsonb, relation oid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
  title text := (ord->>'schema') || '.' || (ord->>'table');
  differences text;
  missing jsonb;
  along text;
BEGIN
  IF relation IS NULL THEN
    IF (ord->>'create_table')::boolean THEN RETURN '{"missing": [], "recreate": false}'; END IF;
    RAISE EXCEPTION 'there is no table %', title
      USING ERRCODE = 'SK004', HINT = 'Make it, or leave out ''create_table: false''.';
  END IF;
  WITH own AS (
    SELECT c.value->>'name' AS name, c.value->>'type' AS type, c.ordinality AS place
    FROM jsonb_array_elements(ord->'columns') WITH ORDINALITY c
  ), present AS (
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      seeknal.base_type(a.atttypid, a.atttypmod) AS base, a.atthasdef OR a.attidentity <> '' AS fills, a.attnum AS place
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
  ), found AS (
    SELECT 1 AS kind, o.place, format('%s is %s there and %s here', o.name, p.type, o.type) AS said
    FROM own o JOIN present p ON p.name = o.name WHERE NOT seeknal.holds(p.base, o.type)
    UNION ALL
    SELECT 2, p.place, format('%s %s is there and no longer here', p.name, p.type)
    FROM present p WHERE NOT p.fills AND NOT EXISTS (SELECT FROM own o WHERE o.name = p.name)
  )
  SELECT (SELECT string_agg(said, '; ' ORDER BY kind, place) FROM found),
    (SELECT coalesce(jsonb_agg(o.name ORDER BY o.place), '[]') FROM own o WHERE NOT EXISTS (SELECT FROM present p WHERE p.name = o.name))
  INTO differences, missing;
  IF differences IS NULL THEN
    SELECT string_agg(conname || ' of ' || conrelid::regclass::text, ', ' ORDER BY 1) INTO along FROM pg_constraint
    WHERE contype = 'f' AND confrelid = relation AND confdeltype IN ('c', 'n', 'd', 'r');
    IF along IS NOT NULL AND ord->>'mode' IN ('overwrite', 'incremental_by_time') THEN
      RAISE EXCEPTION 'replacing rows of % would delete or change rows of other tables: %', title, along
        USING ERRCODE = 'SK004', HINT = 'Use mode ''upsert_by_key'', which deletes nothing, or a foreign key with ON DELETE NO ACTION.';
    END IF;
    RETURN jsonb_build_object('missing', missing, 'recreate', false);
  END IF;
  IF (ord->>'recreate')::boolean THEN RETURN '{"missing": [], "recreate": true}'; END IF;
  RAISE EXCEPTION 'the columns of % are others: %', title, differences USING ERRCODE = 'SK004',
    HINT = 'Change the table by hand, or the query so that it gives these columns with these types.'
      || CASE WHEN ord->>'mode' = 'overwrite' THEN ' Or let it be made anew: ''recreate: true''.' ELSE '' END;
END $$;

-- What would make a key or a range of time mean something else is refused, and an output of other types than the bundle says.
CREATE FUNCTION seeknal.require_rows(ord jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  keys text := (SELECT string_agg(quote_ident(k.value), ', ' ORDER BY k.ordinality) FROM jsonb_array_elements_text(ord->'keys') WITH ORDINALITY k);
  named text := (SELECT string_agg(quote_literal(k.value), ', ' ORDER BY k.ordinality) FROM jsonb_array_elements_text(ord->'keys') WITH ORDINALITY k);
  any_null text := (SELECT string_agg(quote_ident(k.value) || ' IS NULL', ' OR ') FROM jsonb_array_elements_text(ord->'keys') k);
  number bigint;
  differences text;
BEGIN
  SELECT string_agg(format('%s is %s and not %s', a.attname, format_type(a.atttypid, a.atttypmod), c.value->>'type'), '; ' ORDER BY a.attnum) INTO differences
  FROM jsonb_array_elements(ord->'columns') c JOIN pg_attribute a ON a.attrelid = (ord->>'rows_from')::regclass AND a.attname = c.value->>'name'
  WHERE NOT seeknal.holds(c.value->>'type', seeknal.base_type(a.atttypid, a.atttypmod));
  IF differences IS NOT NULL THEN
    RAISE EXCEPTION 'the output has other types than when it was compiled: %', differences
      USING ERRCODE = 'SK004', HINT = 'Compile again where the server can be asked.';
  END IF;
  IF keys IS NOT NULL THEN
    IF NOT (ord->>'null_keys')::boolean THEN
      EXECUTE format('SELECT count(*) FROM %s WHERE %s', ord->>'rows_from', any_null) INTO number;
      IF number > 0 THEN
        RAISE EXCEPTION '% % of the output with a NULL in the key %', number, CASE WHEN number = 1 THEN 'row' ELSE 'rows' END, named
          USING ERRCODE = 'SK004', HINT = 'Leave these rows out, or let NULL be a key like any other: ''null_keys: match''.';
      END IF;
    END IF;
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %s GROUP BY %s HAVING count(*) > 1) AS q', ord->>'rows_from', keys) INTO number;
    IF number > 0 THEN
      RAISE EXCEPTION '% % of the output % more than one row', CASE WHEN number = 1 THEN 'one key' ELSE number || ' keys' END, named,
        CASE WHEN number = 1 THEN 'has' ELSE 'have' END
        USING ERRCODE = 'SK004', HINT = 'Give one row a key, for example with row_number() OVER (PARTITION BY … ORDER BY …) = 1.';
    END IF;
  END IF;
  IF ord->>'time' IS NOT NULL THEN
    EXECUTE format('SELECT count(*) FROM %s WHERE %I IS NULL', ord->>'rows_from', ord->>'time') INTO number;
    IF number > 0 THEN
      RAISE EXCEPTION '% % of the output without a time: ''%'' is NULL', number, CASE WHEN number = 1 THEN 'row' ELSE 'rows' END, ord->>'time'
        USING ERRCODE = 'SK004', HINT = 'Leave them out: no range of time holds them.';
    END IF;
    EXECUTE format('SELECT count(*) FROM %s WHERE %I::text IN (''infinity'', ''-infinity'')', ord->>'rows_from', ord->>'time') INTO number;
    IF number > 0 THEN
      RAISE EXCEPTION '% % of the output with an infinite ''%''', number, CASE WHEN number = 1 THEN 'row' ELSE 'rows' END, ord->>'time'
        USING ERRCODE = 'SK004', HINT = 'Leave them out: a range that has no end would take rows away that the output does not have.';
    END IF;
  END IF;
END $$;

-- Where INSERT … ON CONFLICT comes to the same as an UPDATE and an INSERT of what is missing: the only unique index is one of the
-- keys, and nothing hears of a row before it is known to be there or not.
CREATE FUNCTION seeknal.is_keyed(relation oid, keys jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT c.relkind = 'r' AND NOT (c.relhasrules OR c.relhassubclass OR c.relispartition)
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    AND (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)) = 1
    AND EXISTS (
      SELECT FROM pg_index i
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
        AND ARRAY(SELECT k.value COLLATE "C" FROM jsonb_array_elements_text(keys) k ORDER BY 1)
          = ARRAY(SELECT a.attname::text COLLATE "C" FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) ORDER BY 1))
  FROM pg_class c WHERE c.oid = relation
$$;

-- Runs a statement that makes what is missing; false: another session has made it meanwhile.
CREATE FUNCTION seeknal.make_missing(statement text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN true;
EXCEPTION WHEN unique_violation OR duplicate_schema OR duplicate_table OR duplicate_column OR duplicate_object THEN
  RETURN false;
END $$;

-- The statements of an order that the table needs, in their order.
CREATE FUNCTION seeknal.run_target(of_project text, of_environment text, ord jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  relation oid := seeknal.target_table(ord);
  fit jsonb := seeknal.fit_of(ord, relation);
  item record;
  merged boolean := false;
BEGIN
  PERFORM seeknal.require_rows(ord);
  FOR item IN
    SELECT s.value->>'role' AS role, s.value->>'sql' AS sql, s.value->>'column' AS of_column
    FROM jsonb_array_elements(ord->'statements') WITH ORDINALITY s ORDER BY s.ordinality
  LOOP
    CASE item.role
      WHEN 'wait', 'visible' THEN NULL;
      WHEN 'schema' THEN
        IF to_regnamespace(quote_ident(ord->>'schema')) IS NULL AND seeknal.make_missing(item.sql) THEN
          INSERT INTO seeknal.schemas (project, environment, name) VALUES (of_project, of_environment, ord->>'schema') ON CONFLICT DO NOTHING;
        END IF;
      WHEN 'drop' THEN
        IF (fit->>'recreate')::boolean THEN EXECUTE item.sql; relation := NULL; END IF;
      WHEN 'table' THEN
        IF relation IS NULL THEN PERFORM seeknal.make_missing(item.sql); END IF;
      WHEN 'column' THEN
        IF fit->'missing' ? item.of_column THEN PERFORM seeknal.make_missing(item.sql); END IF;
      WHEN 'lock' THEN
        EXECUTE item.sql;
        -- What others may have made or changed until now.
        relation := seeknal.target_table(ord);
        IF seeknal.fit_of(ord, relation) <> '{"missing": [], "recreate": false}'::jsonb THEN
          RAISE EXCEPTION '%.% was changed meanwhile', ord->>'schema', ord->>'table' USING ERRCODE = '55P03';
        END IF;
      WHEN 'merge' THEN
        merged := seeknal.is_keyed(relation, ord->'keys');
        IF merged THEN EXECUTE item.sql; END IF;
      WHEN 'change' THEN
        IF NOT merged THEN EXECUTE item.sql; END IF;
      ELSE EXECUTE item.sql;
    END CASE;
  END LOOP;
END $$;

-- Writes an output to a table and records it. False: nothing was done, since the table holds these rows; `held` asks for that, and
-- what is appended is never added twice. A lock that was not given keeps its SQLSTATE; every other refusal is SK004.
CREATE FUNCTION seeknal.write_target(of_project text, of_environment text, of_run text, ord jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET row_security = off AS $$
DECLARE
  title text := (ord->>'schema') || '.' || (ord->>'table');
  known seeknal.targets;
  is_same boolean;
  was_there boolean;
  state text;
  message text;
  more text;
  advice text;
BEGIN
  IF ord->>'database' <> current_database() THEN
    RAISE EXCEPTION 'the table % is in the database %, and the engine in %', title, ord->>'database', current_database() USING ERRCODE = 'SK004';
  END IF;
  SELECT t.* INTO known FROM seeknal.targets t
  WHERE t.project = of_project AND t.environment = of_environment AND ord->'steps' ? t.step ORDER BY t.step <> ord->>'step' LIMIT 1 FOR UPDATE;
  is_same := coalesce(known.schema_name = ord->>'schema' AND known.table_name = ord->>'table', false);
  IF is_same AND known.content = ord->>'content' AND (ord->>'mode' = 'append' OR (ord->>'held')::boolean) THEN
    RETURN false;
  END IF;
  BEGIN
    was_there := seeknal.target_table(ord) IS NOT NULL;
    PERFORM seeknal.run_target(of_project, of_environment, ord);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL, advice = PG_EXCEPTION_HINT;
    RAISE EXCEPTION '%', CASE WHEN message LIKE '%' || title || '%' THEN message ELSE title || ': ' || message END
      USING ERRCODE = CASE WHEN state IN ('55P03', '40P01') THEN state ELSE 'SK004' END, DETAIL = more, HINT = advice;
  END;
  INSERT INTO seeknal.targets (project, environment, step, node, schema_name, table_name, mode, content, created, rows, run_id, written_at)
  VALUES (of_project, of_environment, ord->>'step', ord->>'node', ord->>'schema', ord->>'table', ord->>'mode', ord->>'content',
    NOT was_there OR (is_same AND known.created), (ord->>'rows')::bigint, of_run, seeknal.utc_now())
  ON CONFLICT (project, environment, step) DO UPDATE SET node = excluded.node, schema_name = excluded.schema_name,
    table_name = excluded.table_name, mode = excluded.mode, content = excluded.content, created = excluded.created, rows = excluded.rows,
    run_id = excluded.run_id, written_at = excluded.written_at;
  RETURN true;
END $$;

-- What production's targets held when a generation was made: step → content.
ALTER TABLE seeknal.generations ADD COLUMN targets jsonb NOT NULL DEFAULT '{}';

-- Throws SK001 unless production is the generation `expected`; NULL: there is none. Nobody else changes it then.
CREATE FUNCTION seeknal.require_generation(of_project text, expected bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE present bigint;
BEGIN
  SELECT generation INTO present FROM seeknal.projects WHERE project = of_project FOR UPDATE;
  IF present IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'production moved: it was generation % and is % now', coalesce(expected::text, 'none'), coalesce(present::text, 'none')
      USING ERRCODE = 'SK001', HINT = 'Plan and apply again; what is still right is not executed again.';
  END IF;
END $$;

-- The one way in which production changes. What was appended stays when an earlier generation becomes production again, and the
-- rows of that generation, which are there, are not added once more.
CREATE OR REPLACE FUNCTION seeknal.switch_to(of_project text, expected bigint, wanted bigint, switch_kind text, switch_run text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM seeknal.require_generation(of_project, expected);
  PERFORM seeknal.show_views(seeknal.views_now(of_project),
    (SELECT views FROM seeknal.generations WHERE project = of_project AND number = wanted));
  IF switch_kind = 'rollback' THEN
    UPDATE seeknal.targets t SET content = g.targets->>t.step FROM seeknal.generations g
    WHERE g.project = of_project AND g.number = wanted AND t.project = of_project AND t.environment = '' AND t.mode = 'append'
      AND g.targets ? t.step;
  END IF;
  UPDATE seeknal.projects SET generation = wanted WHERE project = of_project;
  INSERT INTO seeknal.switches (project, at, kind, from_generation, to_generation, run_id)
  VALUES (of_project, seeknal.utc_now(), switch_kind, expected, wanted, switch_run);
END $$;

-- A new generation becomes production; `made` may have orders of targets that are written with it: "targets".
CREATE OR REPLACE FUNCTION seeknal.make_generation(of_project text, made jsonb, switch_kind text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE ord jsonb;
BEGIN
  PERFORM seeknal.require_generation(of_project, (made->>'base')::bigint);
  FOR ord IN SELECT t.value FROM jsonb_array_elements(coalesce(made->'targets', '[]')) WITH ORDINALITY t ORDER BY t.ordinality LOOP
    PERFORM seeknal.write_target(of_project, '', made->>'run_id', ord);
  END LOOP;
  INSERT INTO seeknal.generations (project, number, manifest, run_state, record, bundle, views, targets)
  VALUES (of_project, (made->>'number')::bigint, made->>'manifest', made->>'run_state', made->>'record', made->>'bundle', made->'views',
    (SELECT coalesce(jsonb_object_agg(t.step, t.content), '{}') FROM seeknal.targets t WHERE t.project = of_project AND t.environment = ''));
  PERFORM seeknal.switch_to(of_project, (made->>'base')::bigint, (made->>'number')::bigint, switch_kind, made->>'run_id');
END $$;

-- Tables that outputs are published as, in place of views; whoever else's table has such a name, it is not written over.
CREATE TABLE seeknal.published (
  schema_name text NOT NULL,
  table_name text NOT NULL,
  -- Whose rows it holds.
  query text NOT NULL,
  -- Those that were made for the output: others that somebody added stay.
  columns text[] NOT NULL,
  PRIMARY KEY (schema_name, table_name)
);

-- A relation becomes a view or a table of a query: made again, with what depends on it, its grants, comments and owner.
CREATE FUNCTION seeknal.remake_as(relation oid, kind text, query text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  -- With its schema: what is made without one goes where the search path begins.
  title text := (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation);
  was text := (SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END FROM pg_class WHERE oid = relation);
  options text := (SELECT ' WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = relation AND relkind = 'v' AND kind = 'VIEW' AND reloptions IS NOT NULL);
  owner text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = relation);
  own text[] := seeknal.grants_of(relation) || seeknal.comments_of(relation, kind);
  dependents jsonb := (SELECT coalesce(jsonb_agg(jsonb_build_object('title', d.title, 'drop', d.drop_it, 'make', to_jsonb(d.make_it)) ORDER BY d.place), '[]') FROM seeknal.dependents_of(relation) d);
  dependent jsonb;
BEGIN
  FOR dependent IN SELECT value FROM jsonb_array_elements(dependents) WITH ORDINALITY ORDER BY ordinality DESC LOOP
    EXECUTE dependent->>'drop';
  END LOOP;
  EXECUTE format('DROP %s %s RESTRICT', was, title);
  EXECUTE format('CREATE %s %s%s AS %s', kind, title, coalesce(options, ''), query);
  EXECUTE format('ALTER %s %s OWNER TO %I', kind, title, owner);
  PERFORM seeknal.again(own);
  FOR dependent IN SELECT value FROM jsonb_array_elements(dependents) WITH ORDINALITY ORDER BY ordinality LOOP
    BEGIN
      EXECUTE dependent->'make'->>0;
      PERFORM seeknal.again(ARRAY(SELECT jsonb_array_elements_text((dependent->'make') - 0)));
    EXCEPTION WHEN OTHERS THEN
      RAISE EXCEPTION '% is made anew as a %, and % cannot be made again: %', title, lower(kind), dependent->>'title', SQLERRM
        USING ERRCODE = 'SK004';
    END;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION seeknal.remake_view(view oid, query text) RETURNS void
LANGUAGE sql AS $$ SELECT seeknal.remake_as(view, 'VIEW', query) $$;

-- So that what it gives back names schemas.
ALTER FUNCTION seeknal.dependents_of(oid) SET search_path = pg_catalog;

-- The rows of a table of the store in a table that stays the same one: columns that the output no longer has, or has with another
-- type, are changed; what depends on one of these is named, and nothing is changed.
CREATE FUNCTION seeknal.refill_table(relation oid, stored oid, made text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  title text := relation::regclass::text;
  names text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = stored AND attnum > 0 AND NOT attisdropped);
  along text := (SELECT string_agg(conname || ' of ' || conrelid::regclass::text, ', ' ORDER BY 1) FROM pg_constraint
    WHERE contype = 'f' AND confrelid = relation AND confdeltype IN ('c', 'n', 'd', 'r'));
  item record;
  others text[] := '{}';
BEGIN
  IF along IS NOT NULL THEN
    RAISE EXCEPTION 'replacing rows of % would delete or change rows of other tables: %', title, along USING ERRCODE = 'SK004';
  END IF;
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', title);
  FOR item IN
    SELECT coalesce(s.attname, p.attname) AS name, s.attname IS NULL AS gone, p.attname IS NULL AS missing,
      format_type(s.atttypid, s.atttypmod) AS type
    FROM (SELECT * FROM pg_attribute WHERE attrelid = stored AND attnum > 0 AND NOT attisdropped) s
    FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped) p USING (attname)
    WHERE (s.attname IS NULL AND p.attname = ANY (made)) OR p.attname IS NULL OR s.atttypid <> p.atttypid OR s.atttypmod <> p.atttypmod
    ORDER BY s.attnum, p.attnum
  LOOP
    IF item.gone THEN others := others || format('DROP COLUMN %I RESTRICT', item.name);
    ELSIF item.missing THEN others := others || format('ADD COLUMN %I %s', item.name, item.type);
    ELSE others := others || format('ALTER COLUMN %I TYPE %s USING NULL::%s', item.name, item.type, item.type);
    END IF;
  END LOOP;
  IF cardinality(others) > 0 THEN
    EXECUTE format('DELETE FROM %s', title);
    EXECUTE format('ALTER TABLE %s %s', title, array_to_string(others, ', '));
  END IF;
  -- One statement, at whose end foreign keys of other tables find their rows again.
  EXECUTE format('WITH gone AS (DELETE FROM %1$s RETURNING 1) INSERT INTO %1$s (%2$s) SELECT %2$s FROM %3$s WHERE (SELECT count(*) FROM gone) IS NOT NULL',
    title, names, stored::regclass);
END $$;

-- A table of the output in place of its view; left alone when it has these rows already.
CREATE FUNCTION seeknal.publish_table(of_schema text, of_name text, of_query text, is_ours boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET row_security = off AS $$
DECLARE
  relation oid;
  kind "char";
  stored oid := substr(of_query, length('TABLE ') + 1)::regclass;
  known seeknal.published;
  state text;
  more text;
BEGIN
  SELECT c.oid, c.relkind INTO relation, kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = of_schema AND c.relname = of_name;
  SELECT p.* INTO known FROM seeknal.published p WHERE p.schema_name = of_schema AND p.table_name = of_name FOR UPDATE;
  IF relation IS NULL THEN
    EXECUTE format('CREATE TABLE %I.%I AS %s', of_schema, of_name, of_query);
  ELSIF kind = 'v' AND (is_ours OR pg_get_viewdef(relation) LIKE '%seeknal_store.%') THEN
    PERFORM seeknal.remake_as(relation, 'TABLE', of_query);
  ELSIF kind <> 'r' OR known.query IS NULL THEN
    RAISE EXCEPTION '%.% is there already, and seeknal did not make it', of_schema, of_name USING ERRCODE = 'SK004';
  ELSIF known.query = of_query THEN
    RETURN;
  ELSE
    BEGIN
      PERFORM seeknal.refill_table(relation, stored, known.columns);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, more = PG_EXCEPTION_DETAIL;
      RAISE EXCEPTION '%', CASE WHEN SQLERRM LIKE '%' || of_name || '%' THEN SQLERRM ELSE format('%s.%s: %s', of_schema, of_name, SQLERRM) END
        USING ERRCODE = CASE WHEN state IN ('55P03', '40P01') THEN state ELSE 'SK004' END, DETAIL = more;
    END;
  END IF;
  INSERT INTO seeknal.published (schema_name, table_name, query, columns)
  VALUES (of_schema, of_name, of_query,
    (SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = stored AND attnum > 0 AND NOT attisdropped))
  ON CONFLICT (schema_name, table_name) DO UPDATE SET query = excluded.query, columns = excluded.columns;
END $$;

-- What readers find an output by: {"schema", "name", "query"}, and "table": true where it is a table.
CREATE FUNCTION seeknal.show_output(output jsonb, is_ours boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE relation oid;
BEGIN
  IF (output->>'table')::boolean THEN
    PERFORM seeknal.publish_table(output->>'schema', output->>'name', output->>'query', is_ours);
    RETURN;
  END IF;
  SELECT c.oid INTO relation FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN seeknal.published p ON p.schema_name = n.nspname AND p.table_name = c.relname
  WHERE n.nspname = output->>'schema' AND c.relname = output->>'name' AND c.relkind = 'r';
  IF relation IS NULL THEN
    PERFORM seeknal.point_view(output->>'schema', output->>'name', output->>'query', is_ours);
  ELSE
    PERFORM seeknal.remake_as(relation, 'VIEW', output->>'query');
    DELETE FROM seeknal.published WHERE schema_name = output->>'schema' AND table_name = output->>'name';
  END IF;
END $$;

-- From the views and tables that were there to those that are to be; tables first, since views keep readers out. Those that are
-- equal are left alone.
CREATE OR REPLACE FUNCTION seeknal.show_views(before jsonb, after jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE item record;
BEGIN
  FOR item IN
    SELECT a.value AS output, b.value IS NOT NULL AS is_ours
    FROM jsonb_array_elements(after) WITH ORDINALITY a
    LEFT JOIN jsonb_array_elements(before) b ON b.value->>'schema' = a.value->>'schema' AND b.value->>'name' = a.value->>'name'
    WHERE b.value IS NULL OR b.value->>'query' IS DISTINCT FROM a.value->>'query' OR b.value->>'table' IS DISTINCT FROM a.value->>'table'
      OR to_regclass(format('%I.%I', a.value->>'schema', a.value->>'name')) IS NULL
    ORDER BY coalesce((a.value->>'table')::boolean, false) DESC, a.ordinality
  LOOP
    PERFORM seeknal.show_output(item.output, item.is_ours);
  END LOOP;
  FOR item IN
    SELECT b.value AS output, EXISTS (SELECT FROM seeknal.published p
      WHERE p.schema_name = b.value->>'schema' AND p.table_name = b.value->>'name') AS is_table
    FROM jsonb_array_elements(before) WITH ORDINALITY b
    WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(after) a
      WHERE a.value->>'schema' = b.value->>'schema' AND a.value->>'name' = b.value->>'name')
    ORDER BY b.ordinality DESC
  LOOP
    BEGIN
      EXECUTE format('DROP %s IF EXISTS %I.%I RESTRICT', CASE WHEN item.is_table THEN 'TABLE' ELSE 'VIEW' END, item.output->>'schema', item.output->>'name');
    EXCEPTION WHEN dependent_objects_still_exist THEN
      RAISE EXCEPTION '%.% cannot be removed: other things depend on it', item.output->>'schema', item.output->>'name'
        USING ERRCODE = 'SK004', DETAIL = SQLERRM;
    END;
    DELETE FROM seeknal.published WHERE schema_name = item.output->>'schema' AND table_name = item.output->>'name';
  END LOOP;
END $$;

-- What a run shows in an environment, as it goes: until it is saved with the environment, whether the run ends or is killed.
CREATE TABLE seeknal.shown (
  project text NOT NULL REFERENCES seeknal.projects,
  environment text NOT NULL,
  schema_name text NOT NULL,
  table_name text NOT NULL,
  output jsonb NOT NULL,
  PRIMARY KEY (project, environment, schema_name, table_name)
);

CREATE FUNCTION seeknal.show_in_environment(of_project text, of_environment text, shows jsonb, is_ours boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM seeknal.show_output(shows, is_ours OR EXISTS (SELECT FROM seeknal.shown s WHERE s.project = of_project AND s.environment = of_environment
    AND s.schema_name = shows->>'schema' AND s.table_name = shows->>'name'));
  INSERT INTO seeknal.shown AS s (project, environment, schema_name, table_name, output)
  VALUES (of_project, of_environment, shows->>'schema', shows->>'name', shows)
  ON CONFLICT (project, environment, schema_name, table_name) DO UPDATE SET output = excluded.output;
END $$;

-- The views and tables of an environment as they are now.
CREATE FUNCTION seeknal.views_of(of_project text, of_environment text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(v.output ORDER BY v.output->>'schema', v.output->>'name'), '[]') FROM (
    SELECT s.output FROM seeknal.shown s WHERE s.project = of_project AND s.environment = of_environment
    UNION ALL
    SELECT e.value FROM seeknal.environments x, jsonb_array_elements(x.views) e
    WHERE x.project = of_project AND x.name = of_environment AND NOT EXISTS (SELECT FROM seeknal.shown s
      WHERE s.project = of_project AND s.environment = of_environment AND s.schema_name = e.value->>'schema' AND s.table_name = e.value->>'name')
  ) v
$$;
