-- What apply.sql of a bundle calls: what a run finds out, decides and records, in SQL. The run is in temporary tables of the
-- session, whose locks end with it. SQLSTATE SK005: a check failed; others as in the functions before.

-- FORMAT.md: canonical text. Keys in an order of their bytes.
CREATE FUNCTION seeknal.canonical_json(value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE jsonb_typeof(value)
    WHEN 'object' THEN '{' || coalesce((SELECT string_agg(to_json(m.key)::text || ':' || seeknal.canonical_json(m.value), ',' ORDER BY m.key COLLATE "C")
      FROM jsonb_each(value) m), '') || '}'
    WHEN 'array' THEN '[' || coalesce((SELECT string_agg(seeknal.canonical_json(i.value), ',' ORDER BY i.ordinality)
      FROM jsonb_array_elements(value) WITH ORDINALITY i), '') || ']'
    ELSE value::text END;
END $$;

-- The same for people: two spaces of indent, a short list of scalars on one line. `line`: a new line and the indent of the value.
CREATE FUNCTION seeknal.pretty_json(value jsonb, line text DEFAULT E'\n') RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE short text;
BEGIN
  IF jsonb_typeof(value) = 'object' AND value <> '{}' THEN
    RETURN '{' || (SELECT string_agg(line || '  ' || to_json(m.key)::text || ': ' || seeknal.pretty_json(m.value, line || '  '), ',' ORDER BY m.key COLLATE "C")
      FROM jsonb_each(value) m) || line || '}';
  END IF;
  IF jsonb_typeof(value) = 'array' AND value <> '[]' THEN
    IF NOT EXISTS (SELECT FROM jsonb_array_elements(value) i WHERE jsonb_typeof(i.value) IN ('object', 'array')) THEN
      short := seeknal.canonical_json(value);
      IF length(short) <= 80 THEN
        RETURN replace(short, '","', '", "');
      END IF;
    END IF;
    RETURN '[' || (SELECT string_agg(line || '  ' || seeknal.pretty_json(i.value, line || '  '), ',' ORDER BY i.ordinality)
      FROM jsonb_array_elements(value) WITH ORDINALITY i) || line || ']';
  END IF;
  RETURN value::text;
END $$;

CREATE FUNCTION seeknal.document(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT seeknal.pretty_json(value) || E'\n' $$;

CREATE FUNCTION seeknal.sha256_of(content text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT encode(sha256(convert_to(content, 'UTF8')), 'hex') $$;

CREATE FUNCTION seeknal.fingerprint_of(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT seeknal.sha256_of(seeknal.canonical_json(value)) $$;

-- Modulo 2^128, in hexadecimal.
CREATE FUNCTION seeknal.hex_of(sum numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  rest numeric := mod(mod(sum, 2::numeric ^ 128) + 2::numeric ^ 128, 2::numeric ^ 128);
  digits text := '';
BEGIN
  FOR i IN 1..4 LOOP
    digits := lpad(to_hex(mod(rest, 4294967296)::bigint), 8, '0') || digits;
    rest := div(rest, 4294967296);
  END LOOP;
  RETURN coalesce(nullif(ltrim(digits, '0'), ''), '0');
END $$;

-- `rows:sum of their hashes`. `tuple`: an expression over q, which is `relation` as it stands behind FROM.
CREATE FUNCTION seeknal.row_digest(relation text, tuple text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
  EXECUTE format('SELECT count(*) AS rows, coalesce(sum(hashtextextended((%s)::text, 0)::numeric), 0) AS sum FROM %s AS q', tuple, relation) INTO found;
  RETURN found.rows || ':' || seeknal.hex_of(found.sum);
END $$;

-- Names of outputs: FORMAT.md, "Outputs in a database".
CREATE FUNCTION seeknal.table_of(node text, version text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT left(lower(node), 45) || '__' || left(version, 16) $$;
CREATE FUNCTION seeknal.view_of(node text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT lower(substr(node, strpos(node, '.') + 1)) $$;
CREATE FUNCTION seeknal.schema_of(node text, schema_name text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE split_part(node, '.', 1) WHEN 'transform' THEN schema_name ELSE schema_name || '_' || split_part(node, '.', 1) END $$;
CREATE FUNCTION seeknal.next_schema_of(node text, of_project text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT 'seeknal_next_' || left(seeknal.sha256_of(of_project), 8) || '_' || split_part(node, '.', 1) $$;

CREATE FUNCTION seeknal.columns_fingerprint(columns jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT seeknal.fingerprint_of(coalesce((SELECT jsonb_agg(jsonb_build_array(c.value->'name', c.value->'type') ORDER BY c.ordinality)
    FROM jsonb_array_elements(columns) WITH ORDINALITY c), '[]'))
$$;

-- Whether only the rows of a node tell its readers that they are others.
CREATE FUNCTION seeknal.rows_decide(node jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT node ? 'source_table' OR node ? 'volatile' OR node->'parameters' ?| ARRAY['run_id', 'run_timestamp']
    OR (node#>>'{reproducibility,clock}')::boolean OR node#>'{reproducibility,volatile}' <> '[]' OR node#>'{reproducibility,order_dependent}' <> '[]'
$$;

-- The text of a file of the bundle that psql has imported as a large object, which goes.
CREATE FUNCTION seeknal.imported(object oid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE content text := convert_from(lo_get(object), 'UTF8');
BEGIN
  PERFORM lo_unlink(object);
  RETURN content;
END $$;

-- Outputs of a generation or an environment: id → {"node": of the manifest, "state": of run_state.json}.
CREATE FUNCTION seeknal.entries_of(manifest jsonb, state jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_object_agg(n.value->>'id', jsonb_build_object('node', n.value, 'state', state->'nodes'->(n.value->>'id'))), '{}')
  FROM jsonb_array_elements(manifest->'nodes') n WHERE state->'nodes' ? (n.value->>'id')
$$;

-- Whether an output is nothing but a view over what a source names: its rows are not kept.
CREATE FUNCTION seeknal.is_only_view(node jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT node ? 'source_table' AND NOT node->'source_table' ? 'kept' $$;

-- The step of the bundle that makes or checks a node; NULL: there is none.
CREATE FUNCTION seeknal.step_of(bundle jsonb, of_node text, of_kind text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT s.value FROM jsonb_array_elements(bundle->'steps') s WHERE s.value->>'node' = of_node AND s.value->>'kind' = of_kind
$$;

-- The bundle is the one that bundle.json describes, and this engine can execute it by hand.
CREATE FUNCTION seeknal.require_bundle(bundle jsonb, files jsonb, manifest jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE wrong text;
BEGIN
  IF seeknal.fingerprint_of(bundle - 'digest') <> bundle->>'digest' THEN
    RAISE EXCEPTION 'bundle.json was changed after it was compiled' USING ERRCODE = 'SK004', HINT = 'Compile the bundle again.';
  END IF;
  SELECT string_agg(f.key, ', ') INTO wrong FROM jsonb_each_text(bundle->'files') f
  WHERE seeknal.sha256_of(files->>f.key) IS DISTINCT FROM f.value;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'the bundle is not what bundle.json says: %', wrong USING ERRCODE = 'SK004', HINT = 'Compile the bundle again.';
  END IF;
  SELECT string_agg(s.value->>'id', ', ') INTO wrong FROM jsonb_array_elements(bundle->'steps') s WHERE s.value->>'kind' NOT IN ('build', 'check');
  wrong := coalesce(wrong, (SELECT string_agg(n.value->>'id', ', ') FROM jsonb_array_elements(manifest->'nodes') n
    WHERE n.value->'columns' = 'null' OR (n.value->'source_table' ? 'kept' AND seeknal.step_of(bundle, n.value->>'id', 'build') IS NOT NULL)));
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'this is not done by hand: %', wrong USING ERRCODE = 'SK004', HINT = 'Run seeknal exec bundle.';
  END IF;
END $$;

-- A lock of the project until the session ends, which nobody else holds.
CREATE FUNCTION seeknal.hold(of_project text, lock_name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE other text;
BEGIN
  IF NOT pg_try_advisory_lock(seeknal.lock_key(of_project, lock_name)) THEN
    SELECT h.holder INTO other FROM seeknal.holders h WHERE h.project = of_project AND h.lock = lock_name;
    RAISE EXCEPTION '% of project % is being written by %', lock_name, of_project, coalesce(other, 'another session') USING ERRCODE = 'SK003';
  END IF;
  -- Whoever has no advisory locks holds leases.
  SELECT l.holder INTO other FROM seeknal.leases l WHERE l.expires_at > clock_timestamp() AND l.lock IN ('seeknal ' || of_project || ' ' || lock_name, 'seeknal store') LIMIT 1;
  IF other IS NOT NULL THEN
    RAISE EXCEPTION '% of project % is being written by %', lock_name, of_project, other USING ERRCODE = 'SK003';
  END IF;
  IF NOT pg_try_advisory_lock_shared(hashtextextended('seeknal store', 0)) THEN
    RAISE EXCEPTION 'the store is being cleaned by another session' USING ERRCODE = 'SK003';
  END IF;
  IF EXISTS (SELECT FROM seeknal.pending p WHERE p.project = of_project AND p.lock = lock_name) THEN
    RAISE EXCEPTION '% of project % was changed where nothing is made within a transaction, and views do not follow yet', lock_name, of_project USING ERRCODE = 'SK004',
      HINT = 'Any command of seeknal that reads the state leads them there.';
  END IF;
  INSERT INTO seeknal.holders (project, lock, backend, holder)
  VALUES (of_project, lock_name, pg_backend_pid(), format('apply.sql (session %s of psql, since %s)', pg_backend_pid(), seeknal.utc_now()))
  ON CONFLICT (project, lock) DO UPDATE SET backend = excluded.backend, holder = excluded.holder;
END $$;

-- Production is what the bundle was compiled against, or, of a bundle for production, what it has made itself.
CREATE FUNCTION seeknal.require_base(bundle jsonb, of_manifest text, of_engine text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE present text := seeknal.sha256_of(of_manifest);
BEGIN
  IF of_engine <> bundle#>>'{engine,name}' THEN
    RAISE EXCEPTION 'the state in the database is of a project that the engine % executes', of_engine USING ERRCODE = 'SK004', HINT = 'Give this project another name.';
  END IF;
  IF present IS NOT DISTINCT FROM bundle->>'base' OR (bundle->'environment' = 'null' AND present = bundle#>>'{files,manifest.json}') THEN
    RETURN;
  END IF;
  RAISE EXCEPTION 'production is not what this bundle was compiled against' USING ERRCODE = 'SK001',
    HINT = 'Compile it again; what is still right is not executed again.';
END $$;

-- Schemas that the run needs, remembered where they are made.
CREATE FUNCTION seeknal.make_schemas(of_project text, environment text, names text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY names LOOP
    CONTINUE WHEN to_regnamespace(quote_ident(wanted)) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE SCHEMA %I', wanted);
      INSERT INTO seeknal.schemas (project, environment, name) VALUES (of_project, coalesce(environment, ''), wanted) ON CONFLICT DO NOTHING;
    EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL; -- Another session has just made the same.
    END;
  END LOOP;
END $$;

CREATE FUNCTION seeknal.drop_next_views(of_project text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE shown regclass;
BEGIN
  FOR shown IN
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND n.nspname LIKE replace('seeknal_next_' || left(seeknal.sha256_of(of_project), 8) || '_%', '_', '\_')
  LOOP
    EXECUTE format('DROP VIEW %s', shown);
  END LOOP;
END $$;

-- Begins a run of a bundle whose files are in pg_temp.seeknal_files. `given`: run_id, run_timestamp, host, port, database, and
-- `parameters` by name.
CREATE FUNCTION seeknal.begin_by_hand(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  files jsonb := (SELECT jsonb_object_agg(f.path, f.content) FROM pg_temp.seeknal_files f);
  bundle jsonb := files->>'bundle.json';
  manifest jsonb := files->>'manifest.json';
  of_project text := bundle#>>'{project,name}';
  environment text := bundle->>'environment';
  present seeknal.generations;
  documents jsonb := '{}';
  before jsonb;
  outside jsonb;
  schemas text[];
BEGIN
  PERFORM seeknal.require_bundle(bundle, files, manifest);
  INSERT INTO seeknal.projects (project) VALUES (of_project) ON CONFLICT DO NOTHING;
  PERFORM seeknal.hold(of_project, coalesce('environment-' || environment, 'production'));
  SELECT g.* INTO present FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation WHERE p.project = of_project;
  PERFORM seeknal.require_base(bundle, present.manifest, split_part(present.run_state::jsonb->>'engine', ' ', 1));
  before := seeknal.views_of(of_project, environment);
  SELECT e.documents INTO documents FROM seeknal.environments e WHERE e.project = of_project AND e.name = environment;
  IF documents IS NULL AND EXISTS (SELECT FROM seeknal.environments e WHERE e.project = of_project
    AND (starts_with(replace(e.name, '-', '_') || '_', bundle->>'prefix') OR starts_with(bundle->>'prefix', replace(e.name, '-', '_') || '_'))) THEN
    RAISE EXCEPTION 'schemas of environment % could be taken for those of another one', environment USING ERRCODE = 'SK004';
  END IF;
  outside := coalesce(seeknal.entries_of(present.manifest::jsonb, present.run_state::jsonb), '{}');
  CREATE TEMP TABLE IF NOT EXISTS seeknal_run (project text, environment text, bundle jsonb, files jsonb, nodes jsonb, manifest jsonb, given jsonb,
    production jsonb, outside jsonb, own jsonb, recorded jsonb, before jsonb);
  CREATE TEMP TABLE IF NOT EXISTS seeknal_made (node text PRIMARY KEY, query text, state jsonb, pending jsonb, checks jsonb, started_at timestamptz DEFAULT clock_timestamp());
  TRUNCATE pg_temp.seeknal_run, pg_temp.seeknal_made;
  INSERT INTO pg_temp.seeknal_run VALUES (of_project, environment, bundle, files,
    (SELECT jsonb_object_agg(n.value->>'id', n.value) FROM jsonb_array_elements(manifest->'nodes') n), manifest, given,
    CASE WHEN present.number IS NOT NULL THEN to_jsonb(present) END, outside,
    CASE WHEN environment IS NULL THEN outside
      ELSE coalesce(seeknal.entries_of((documents->>'manifest.json')::jsonb, (documents->>'run_state.json')::jsonb), '{}') END,
    jsonb_build_array(coalesce((documents->>'run_state.json')::jsonb->'checks', '{}'), coalesce(present.run_state::jsonb->'checks', '{}')),
    CASE WHEN environment IS NULL THEN seeknal.views_now(of_project) ELSE before END);
  SELECT array_agg(DISTINCT s.value#>>'{output,schema}') INTO schemas FROM jsonb_array_elements(bundle->'steps') s WHERE s.value->>'kind' = 'build';
  IF environment IS NULL THEN
    schemas := schemas || ARRAY(SELECT DISTINCT seeknal.next_schema_of(n.value->>'id', of_project) FROM jsonb_array_elements(manifest->'nodes') n);
  END IF;
  PERFORM seeknal.make_schemas(of_project, environment, ARRAY['seeknal_store'] || schemas);
  PERFORM seeknal.drop_next_views(of_project) WHERE environment IS NULL;
  INSERT INTO seeknal.runs (project, run_id, environment, bundle, command, host, pid)
  VALUES (of_project, given->>'run_id', environment, bundle->>'digest', 'apply.sql', coalesce(host(inet_client_addr()), 'local'), pg_backend_pid())
  ON CONFLICT (project, run_id) DO UPDATE SET started_at = now(), ended_at = NULL, outcome = NULL, bundle = excluded.bundle;
END $$;

-- An output as its readers find it: {"node", "inputs", "data", "snapshot"}.
CREATE FUNCTION seeknal.readable(of_node text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  made jsonb := (SELECT jsonb_build_object('node', r.nodes->of_node, 'state', m.state) FROM pg_temp.seeknal_made m, pg_temp.seeknal_run r WHERE m.node = of_node AND m.state IS NOT NULL);
  entry jsonb := coalesce(made, (SELECT r.outside->of_node FROM pg_temp.seeknal_run r));
BEGIN
  IF entry IS NULL THEN
    RAISE EXCEPTION '% has no output', of_node USING ERRCODE = 'SK002';
  END IF;
  RETURN jsonb_build_object('node', entry->'node', 'inputs', entry#>'{state,inputs}', 'data', entry#>'{state,data}', 'snapshot', entry#>'{state,snapshot}');
END $$;

-- What a view of an output leads to.
CREATE FUNCTION seeknal.query_for(of_node text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  found jsonb := seeknal.readable(of_node);
  own text := (SELECT m.query FROM pg_temp.seeknal_made m WHERE m.node = of_node);
BEGIN
  IF NOT seeknal.is_only_view(found->'node') THEN
    RETURN 'TABLE seeknal_store.' || quote_ident(seeknal.table_of(of_node, found#>>'{snapshot,sha256}'));
  END IF;
  RETURN coalesce(own, (SELECT format('TABLE %I.%I', seeknal.schema_of(of_node, r.bundle#>>'{engine,schema}'), seeknal.view_of(of_node)) FROM pg_temp.seeknal_run r));
END $$;

-- What a node reads, by input: {"ref", "edge", "data"}.
CREATE FUNCTION seeknal.reads_of(node jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  input jsonb;
  found jsonb;
  wanted jsonb;
  edge text;
  read text;
  reads jsonb := '[]';
BEGIN
  FOR input IN SELECT i.value FROM jsonb_array_elements(node->'inputs') WITH ORDINALITY i ORDER BY i.ordinality LOOP
    found := seeknal.readable(input->>'ref');
    wanted := (SELECT r.nodes->(input->>'ref') FROM pg_temp.seeknal_run r);
    IF wanted->>'definition_fingerprint' = found#>>'{node,definition_fingerprint}'
      AND (SELECT jsonb_agg(jsonb_build_array(i.value->'ref', i.value->'fingerprint') ORDER BY i.ordinality) FROM jsonb_array_elements(wanted->'inputs') WITH ORDINALITY i)
        IS NOT DISTINCT FROM
        (SELECT jsonb_agg(jsonb_build_array(i.value->'ref', i.value->'edge') ORDER BY i.ordinality) FROM jsonb_array_elements(found->'inputs') WITH ORDINALITY i) THEN
      edge := input->>'fingerprint';
    ELSE
      edge := seeknal.fingerprint_of(jsonb_build_object('definition', found#>'{node,definition_fingerprint}', 'inputs',
        coalesce((SELECT jsonb_agg(jsonb_build_array(i.value->'ref', i.value->'edge') ORDER BY i.ordinality) FROM jsonb_array_elements(found->'inputs') WITH ORDINALITY i), '[]')));
    END IF;
    read := found->>'data';
    IF seeknal.rows_decide(found->'node') THEN
      read := found#>>'{snapshot,digest}';
      IF input->'reads' <> 'null' THEN
        read := seeknal.row_digest('(' || E'\n' || seeknal.query_for(input->>'ref') || E'\n)', coalesce('ROW(' ||
            (SELECT string_agg('q.' || quote_ident(c.value), ', ' ORDER BY c.ordinality) FROM jsonb_array_elements_text(input->'reads') WITH ORDINALITY c) || ')', ''''''))
          || ':' || seeknal.fingerprint_of(input->'reads');
      END IF;
      read := seeknal.fingerprint_of(jsonb_build_object('rows', read));
    END IF;
    reads := reads || jsonb_build_object('ref', input->'ref', 'edge', edge, 'data', read);
  END LOOP;
  RETURN reads;
END $$;

-- What an output is made from, and what stands for it: {"inputs", "data", "fingerprint"}. `source`: of its files, or its rows.
CREATE FUNCTION seeknal.made_from(node jsonb, inputs jsonb, source text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  given jsonb := (SELECT r.given FROM pg_temp.seeknal_run r);
  stamp text := CASE
    WHEN node->>'volatile' = 'day' THEN left(given->>'run_timestamp', 10)
    WHEN node->>'volatile' = 'always' AND NOT node ? 'source_table' THEN given->>'run_timestamp' END;
  dependence jsonb := jsonb_build_object('source', source, 'stamp', stamp, 'parameters', coalesce((SELECT jsonb_object_agg(p.value, given->'parameters'->p.value)
    FROM jsonb_array_elements_text(node->'parameters') p WHERE p.value NOT IN ('run_id', 'run_timestamp')), '{}'));
BEGIN
  RETURN jsonb_build_object('inputs', inputs,
    'data', seeknal.fingerprint_of(dependence || jsonb_build_object('inputs', coalesce((SELECT jsonb_agg(i.value->'data' ORDER BY i.ordinality)
      FROM jsonb_array_elements(inputs) WITH ORDINALITY i), '[]'))),
    'fingerprint', seeknal.fingerprint_of(dependence || jsonb_build_object('definition', node->'definition_fingerprint', 'inputs',
      coalesce((SELECT jsonb_agg(jsonb_build_array(i.value->'ref', i.value->'edge', i.value->'data') ORDER BY i.ordinality)
        FROM jsonb_array_elements(inputs) WITH ORDINALITY i), '[]'))));
END $$;

-- Stands for what a file of the bundle does; one that names the environment stands for its bundle alone. `more`: what else it depends on.
CREATE FUNCTION seeknal.proof_of(file text, more jsonb) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(r.bundle->'namespaces') n WHERE n.value->>'file' = file) THEN r.bundle->>'digest'
      ELSE seeknal.fingerprint_of(more || jsonb_build_object('sql', seeknal.sha256_of(r.files->>file),
        'prelude', seeknal.sha256_of(coalesce(r.files->>'prelude.sql', '')), 'settings', r.bundle->'settings')) END
    FROM pg_temp.seeknal_run r);
END $$;

-- The output that is there for a fingerprint, in place ("cached") or in the store ("reused"): a state. NULL: there is none.
CREATE FUNCTION seeknal.stored_output(of_node text, fingerprint text, of_proof text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  own jsonb := (SELECT r.own->of_node FROM pg_temp.seeknal_run r);
  found text;
BEGIN
  IF own#>>'{state,fingerprint}' = fingerprint AND coalesce(own#>>'{state,proof}', of_proof) = of_proof
    AND (seeknal.is_only_view(own->'node') OR to_regclass('seeknal_store.' || quote_ident(seeknal.table_of(of_node, own#>>'{state,snapshot,sha256}'))) IS NOT NULL) THEN
    RETURN own->'state' || '{"status": "cached"}';
  END IF;
  SELECT o.output INTO found FROM seeknal.outputs o JOIN pg_temp.seeknal_run r ON r.project = o.project
  WHERE o.node = of_node AND o.fingerprint = stored_output.fingerprint AND o.proof IN ('', of_proof)
    AND (o.relation = '' OR to_regclass('seeknal_store.' || quote_ident(o.relation)) IS NOT NULL)
  ORDER BY o.proof LIMIT 1;
  RETURN found::jsonb || '{"status": "reused"}';
END $$;

-- What says that readers find a table in place of a view.
CREATE FUNCTION seeknal.as_table(node jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN node->>'publish' = 'table' THEN '{"table": true}'::jsonb ELSE '{}' END $$;

-- The view by which steps of this run read an output.
CREATE FUNCTION seeknal.show_by_hand(of_node text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  query text := seeknal.query_for(of_node);
  view_name text := seeknal.view_of(of_node);
  schema_name text;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  IF run.environment IS NULL THEN
    schema_name := seeknal.next_schema_of(of_node, run.project);
    EXECUTE format('DROP VIEW IF EXISTS %I.%I', schema_name, view_name);
    EXECUTE format('CREATE VIEW %I.%I AS %s', schema_name, view_name, query);
  ELSE
    schema_name := (run.bundle->>'prefix') || seeknal.schema_of(of_node, run.bundle#>>'{engine,schema}');
    PERFORM seeknal.show_in_environment(run.project, run.environment, jsonb_build_object('schema', schema_name, 'name', view_name, 'query', query)
        || seeknal.as_table(run.nodes->of_node),
      EXISTS (SELECT FROM jsonb_array_elements(run.before) b WHERE b.value->>'schema' = schema_name AND b.value->>'name' = view_name));
  END IF;
END $$;

-- A step whose query makes a table: whether it has to be made, and how it is called.
CREATE FUNCTION seeknal.begin_step(of_node text, OUT is_due boolean, OUT output text) RETURNS record
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  node jsonb;
  made jsonb;
  stored jsonb;
  of_proof text;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  node := run.nodes->of_node;
  -- What is in files only seeknal can tell from what was in them before: what is loaded is like nothing else.
  made := seeknal.made_from(node, seeknal.reads_of(node),
    CASE WHEN node ? 'source_files' THEN seeknal.fingerprint_of(jsonb_build_object('loaded', run.given->'run_id')) END);
  of_proof := seeknal.proof_of(seeknal.step_of(run.bundle, of_node, 'build')->>'file', seeknal.step_facts(node));
  stored := seeknal.stored_output(of_node, made->>'fingerprint', of_proof);
  is_due := stored IS NULL;
  INSERT INTO pg_temp.seeknal_made (node, state) VALUES (of_node, stored);
  IF is_due THEN
    made := made || jsonb_build_object('proof', of_proof, 'version',
      seeknal.fingerprint_of(jsonb_build_object('fingerprint', made->'fingerprint', 'node', of_node, 'run', run.given->'run_id')));
    UPDATE pg_temp.seeknal_made SET pending = made WHERE seeknal_made.node = of_node;
    output := seeknal.table_of(of_node, made->>'version');
    EXECUTE format('DROP TABLE IF EXISTS seeknal_store.%I', output);
  ELSE
    PERFORM seeknal.show_stored(of_node, stored);
  END IF;
END $$;

-- An output that is there: an environment shows what it has already, unless somebody has removed the view.
CREATE FUNCTION seeknal.show_stored(of_node text, stored jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE place text := (SELECT format('%I.%I', (r.bundle->>'prefix') || seeknal.schema_of(of_node, r.bundle#>>'{engine,schema}'), seeknal.view_of(of_node))
  FROM pg_temp.seeknal_run r WHERE r.environment IS NOT NULL);
BEGIN
  IF place IS NULL OR stored->>'status' <> 'cached' OR to_regclass(place) IS NULL THEN
    PERFORM seeknal.show_by_hand(of_node);
  END IF;
END $$;

CREATE FUNCTION seeknal.step_facts(node jsonb) RETURNS jsonb
LANGUAGE sql AS $$
  SELECT jsonb_build_object('columns', (SELECT jsonb_agg(jsonb_build_array(c.value->'name', c.value->'type') ORDER BY c.ordinality)
      FROM jsonb_array_elements(node->'columns') WITH ORDINALITY c),
    'inputs', coalesce((SELECT jsonb_agg(jsonb_build_array(i.value->'ref', seeknal.readable(i.value->>'ref')#>'{snapshot,sha256}') ORDER BY i.ordinality)
      FROM jsonb_array_elements(node->'inputs') WITH ORDINALITY i), '[]'))
$$;

-- An output that was made now: kept for whoever asks for the same, and shown to the steps that read it.
CREATE FUNCTION seeknal.keep_output(of_node text, made jsonb, snapshot jsonb, relation text, place text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  output jsonb;
BEGIN
  SELECT r.project, r.given->>'run_id' AS run_id, m.started_at INTO STRICT run FROM pg_temp.seeknal_run r, pg_temp.seeknal_made m WHERE m.node = of_node;
  output := jsonb_build_object('fingerprint', made->'fingerprint', 'proof', made->'proof', 'data', made->'data', 'inputs', made->'inputs',
      'snapshot', snapshot || '{"size_bytes": 0}', 'run_id', run.run_id, 'executed_at', seeknal.utc_now(),
      'duration_ms', round(extract(epoch FROM clock_timestamp() - run.started_at) * 1000))
    || CASE WHEN place IS NULL THEN '{}' ELSE jsonb_build_object('place', place) END;
  INSERT INTO seeknal.outputs (project, fingerprint, proof, node, relation, output)
  VALUES (run.project, made->>'fingerprint', made->>'proof', of_node, keep_output.relation, output)
  ON CONFLICT (project, node, fingerprint, proof) DO UPDATE SET relation = excluded.relation, output = excluded.output;
  UPDATE pg_temp.seeknal_made m SET state = output || '{"status": "executed"}', pending = NULL WHERE m.node = of_node;
  PERFORM seeknal.show_by_hand(of_node);
END $$;

-- The table of a step is there, with so many rows.
CREATE FUNCTION seeknal.finish_step(of_node text, row_count bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  node jsonb := (SELECT r.nodes->of_node FROM pg_temp.seeknal_run r);
  made jsonb := (SELECT m.pending FROM pg_temp.seeknal_made m WHERE m.node = of_node);
  relation text := seeknal.table_of(of_node, made->>'version');
  stored text := 'seeknal_store.' || quote_ident(relation);
  found text := (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = stored::regclass AND a.attnum > 0 AND NOT a.attisdropped);
  wanted text := (SELECT string_agg(c.value->>'name', ', ' ORDER BY c.ordinality) FROM jsonb_array_elements(node->'columns') WITH ORDINALITY c);
BEGIN
  IF found IS DISTINCT FROM wanted THEN
    RAISE EXCEPTION 'the output of % has the columns %, and the bundle says %', of_node, found, wanted USING ERRCODE = 'SK004',
      HINT = 'Compile the bundle again where the server can be asked.';
  END IF;
  PERFORM seeknal.keep_output(of_node, made, jsonb_build_object('rows', row_count, 'digest', seeknal.row_digest(stored, 'q') || ':' || seeknal.columns_fingerprint(node->'columns'),
    'columns', seeknal.types_of(node->'columns'), 'sha256', made->'version'), relation, NULL);
END $$;

-- What statements before the query of a step have made: the next one may use the names. What the run keeps stays.
CREATE FUNCTION seeknal.drop_temporary() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
  FOR found IN
    SELECT c.oid, c.relname, c.relkind FROM pg_class c WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind IN ('r', 'v')
      AND c.relname NOT IN ('seeknal_run', 'seeknal_made', 'seeknal_files')
    ORDER BY c.relkind = 'v' DESC, c.oid DESC
  LOOP
    -- Only other objects of this session can depend on it, and they go, too.
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = found.oid);
    EXECUTE format('DROP %s pg_temp.%I CASCADE', CASE found.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, found.relname);
  END LOOP;
END $$;

CREATE FUNCTION seeknal.types_of(columns jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.value->'name', 'type', c.value->'type') ORDER BY c.ordinality), '[]')
  FROM jsonb_array_elements(columns) WITH ORDINALITY c
$$;

-- A source that is a table of this database, by a query: its rows say whether it is what it was. It is read by a view.
CREATE FUNCTION seeknal.read_source(of_node text, of_query text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  node jsonb;
  own jsonb;
  made jsonb;
  stored jsonb;
  digest text;
  place text;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  node := run.nodes->of_node;
  own := run.own->of_node->'state';
  place := seeknal.fingerprint_of(jsonb_build_object('host', run.given->'host', 'port', (run.given->>'port')::bigint, 'database', run.given->'database'));
  INSERT INTO pg_temp.seeknal_made (node, query) VALUES (of_node, of_query);
  IF node->>'volatile' = 'day' AND own->>'place' = place AND NOT own ? 'proof' AND own->>'fingerprint' =
    seeknal.made_from(node, '[]', seeknal.fingerprint_of(jsonb_build_object('rows', own#>'{snapshot,digest}')))->>'fingerprint' THEN
    stored := own || '{"status": "cached"}';
  ELSE
    digest := seeknal.row_digest('(' || E'\n' || of_query || E'\n)', 'q') || ':' || seeknal.columns_fingerprint(node->'columns');
    made := seeknal.made_from(node, '[]', seeknal.fingerprint_of(jsonb_build_object('rows', digest)));
    made := made || jsonb_build_object('proof', seeknal.proof_of(seeknal.step_of(run.bundle, of_node, 'build')->>'file', seeknal.step_facts(node)));
    stored := seeknal.stored_output(of_node, made->>'fingerprint', made->>'proof') || jsonb_build_object('place', place);
  END IF;
  IF stored IS NOT NULL THEN
    UPDATE pg_temp.seeknal_made m SET state = stored WHERE m.node = of_node;
    PERFORM seeknal.show_stored(of_node, stored);
    RETURN;
  END IF;
  PERFORM seeknal.keep_output(of_node, made, jsonb_build_object('rows', split_part(digest, ':', 1)::bigint, 'digest', digest,
    'columns', seeknal.types_of(node->'columns'), 'sha256', seeknal.fingerprint_of(jsonb_build_object('view', of_node, 'digest', digest))), '', place);
END $$;

-- Whether results belong to the checks of a node, on an output.
CREATE FUNCTION seeknal.are_of(checks jsonb, node jsonb, snapshot jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(checks->>'fingerprint' = node->>'checks_fingerprint' AND checks->>'digest' = snapshot->>'digest', false)
$$;

-- Checks of an output, whose results may be known already: whether they have to be made.
CREATE FUNCTION seeknal.begin_checks(of_node text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  snapshot jsonb := seeknal.readable(of_node)->'snapshot';
  asked text;
  known jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  asked := seeknal.proof_of(seeknal.step_of(run.bundle, of_node, 'check')->>'file', '{}');
  SELECT c.value->of_node INTO known FROM jsonb_array_elements(run.recorded) WITH ORDINALITY c
  WHERE c.value->of_node->>'asked' = asked AND seeknal.are_of(c.value->of_node, run.nodes->of_node, snapshot) ORDER BY c.ordinality LIMIT 1;
  INSERT INTO pg_temp.seeknal_made (node, checks) VALUES (of_node, known) ON CONFLICT (node) DO UPDATE SET checks = excluded.checks;
  RETURN known IS NULL;
END $$;

-- What came out of them, by id of the check: the number of rows that fail it.
CREATE FUNCTION seeknal.finish_checks(of_node text, failing jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  step jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  step := seeknal.step_of(run.bundle, of_node, 'check');
  UPDATE pg_temp.seeknal_made m SET checks = jsonb_build_object('fingerprint', run.nodes->of_node->'checks_fingerprint', 'asked', seeknal.proof_of(step->>'file', '{}'),
    'digest', seeknal.readable(of_node)#>'{snapshot,digest}', 'run_id', run.given->'run_id', 'checked_at', seeknal.utc_now(),
    'results', (SELECT jsonb_agg(c.value || jsonb_build_object('failing_rows', failing->(c.value->>'id'), 'status',
      CASE WHEN failing->(c.value->>'id') = '0' THEN 'passed' WHEN c.value->>'severity' = 'error' THEN 'failed' ELSE 'warned' END) ORDER BY c.ordinality)
      FROM jsonb_array_elements(step->'checks') WITH ORDINALITY c))
  WHERE m.node = of_node;
END $$;

-- Whether an output fails its checks: then the run ends here, which is recorded.
CREATE FUNCTION seeknal.fails_checks(of_node text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  failed jsonb := (SELECT jsonb_agg(jsonb_build_object('node', of_node, 'check', c.value->'id', 'failing_rows', c.value->'failing_rows') ORDER BY c.ordinality)
    FROM pg_temp.seeknal_made m, jsonb_array_elements(m.checks->'results') WITH ORDINALITY c WHERE m.node = of_node AND c.value->>'status' = 'failed');
BEGIN
  IF failed IS NULL THEN
    RETURN false;
  END IF;
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  IF run.environment IS NOT NULL THEN
    PERFORM seeknal.save_environment(jsonb_build_object('status', 'failed', 'failed_checks', failed), '{}', seeknal.views_of(run.project, run.environment), NULL);
  END IF;
  PERFORM seeknal.end_by_hand('failed');
  RETURN true;
END $$;

CREATE FUNCTION seeknal.refuse_output(of_node text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the output of % fails %', of_node, (SELECT string_agg(format('%s for %s rows', c.value->>'id', c.value->>'failing_rows'), ', ')
    FROM pg_temp.seeknal_made m, jsonb_array_elements(m.checks->'results') c WHERE m.node = of_node AND c.value->>'status' = 'failed')
    USING ERRCODE = 'SK005', HINT = 'Correct the data or the SQL.';
END $$;

-- Changes what the ledger keeps of the environment of this run.
CREATE FUNCTION seeknal.save_environment(change jsonb, more jsonb, of_views jsonb, of_promotion jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  before jsonb;
  config jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  SELECT e.documents INTO before FROM seeknal.environments e WHERE e.project = run.project AND e.name = run.environment;
  config := jsonb_build_object('format', 'seeknal.env/1', 'name', run.environment, 'created_at', seeknal.utc_now(), 'ttl_seconds', 604800,
      'promoted_to', NULL, 'promoted_generation', NULL)
    || coalesce((before->>'env_config.json')::jsonb - 'failed_checks', '{}') || change || jsonb_build_object('last_used_at', seeknal.utc_now());
  DELETE FROM seeknal.shown s WHERE s.project = run.project AND s.environment = run.environment;
  INSERT INTO seeknal.environments (project, name, documents, views, promotion)
  VALUES (run.project, run.environment, coalesce(before, '{}') - 'report.md' || more || jsonb_build_object('env_config.json', seeknal.document(config)), of_views, of_promotion)
  ON CONFLICT (project, name) DO UPDATE SET documents = excluded.documents, views = excluded.views, promotion = excluded.promotion;
END $$;

-- After the run: its locks and tables go.
CREATE FUNCTION seeknal.let_go() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE run record;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  PERFORM pg_advisory_unlock(seeknal.lock_key(run.project, coalesce('environment-' || run.environment, 'production')));
  PERFORM pg_advisory_unlock_shared(hashtextextended('seeknal store', 0));
  DROP TABLE pg_temp.seeknal_run, pg_temp.seeknal_made, pg_temp.seeknal_files;
END $$;

-- Records how the run ended.
CREATE FUNCTION seeknal.end_by_hand(of_outcome text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  lock_name text;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  lock_name := coalesce('environment-' || run.environment, 'production');
  IF of_outcome = 'nothing' AND NOT seeknal.has_sources(run.bundle) THEN
    DELETE FROM seeknal.runs x WHERE x.project = run.project AND x.run_id = run.given->>'run_id';
  END IF;
  UPDATE seeknal.runs x SET ended_at = clock_timestamp(), outcome = of_outcome WHERE x.project = run.project AND x.run_id = run.given->>'run_id';
  PERFORM seeknal.drop_next_views(run.project) WHERE run.environment IS NULL;
  DELETE FROM seeknal.holders h WHERE h.project = run.project AND h.lock = lock_name;
END $$;

-- Whether sources are looked at: else it is known before a run that there is nothing to do, and there is none.
CREATE FUNCTION seeknal.has_sources(bundle jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT EXISTS (SELECT FROM jsonb_array_elements(bundle->'steps') s WHERE s.value#>>'{output,made}' = 'view') $$;

-- Whether the environment has all of it already, and can be promoted.
CREATE FUNCTION seeknal.is_applied(states jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  documents jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  SELECT e.documents INTO documents FROM seeknal.environments e WHERE e.project = run.project AND e.name = run.environment;
  RETURN coalesce((documents->>'env_config.json')::jsonb->>'status' = 'applied' AND (documents->>'run_state.json')::jsonb->>'bundle' = run.bundle->>'digest'
    AND documents->>'promotion/requirements.json' = seeknal.document(seeknal.requirements_by_hand(run.outside, run.bundle->'promote'))
    AND NOT seeknal.has_sources(run.bundle) AND NOT EXISTS (SELECT FROM jsonb_each(states) s WHERE s.value->>'status' <> 'cached'), false);
END $$;

-- Views by which outputs are read: of nodes of a manifest that have a state.
CREATE FUNCTION seeknal.views_by_hand(states jsonb, prefix text, before jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE run record;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('schema', v.schema_name, 'name', v.name, 'query',
      CASE WHEN v.is_view THEN coalesce(v.query, (SELECT b.value->>'query' FROM jsonb_array_elements(before) b WHERE b.value->>'schema' = v.schema_name AND b.value->>'name' = v.name))
        ELSE 'TABLE seeknal_store.' || quote_ident(v.stored) END) || v.as_table ORDER BY v.ordinality), '[]')
    FROM (SELECT n.ordinality, seeknal.is_only_view(n.value) AS is_view, seeknal.as_table(n.value) AS as_table, m.query, prefix || seeknal.schema_of(n.value->>'id', run.bundle#>>'{engine,schema}') AS schema_name,
        seeknal.view_of(n.value->>'id') AS name, seeknal.table_of(n.value->>'id', states->(n.value->>'id')#>>'{snapshot,sha256}') AS stored
      FROM jsonb_array_elements(run.manifest->'nodes') WITH ORDINALITY n LEFT JOIN pg_temp.seeknal_made m ON m.node = n.value->>'id'
      WHERE states ? (n.value->>'id')) v);
END $$;

-- The generation that these outputs and results make on top of production, as make_generation() takes it.
CREATE FUNCTION seeknal.generation_by_hand(of_kind text, states jsonb, checks jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  of_manifest text;
  of_state text;
  state jsonb;
  next bigint;
  earlier jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  of_manifest := run.files->>'manifest.json';
  earlier := coalesce((run.production->>'run_state')::jsonb->'nodes', '{}');
  next := 1 + greatest(0, (SELECT max(g.number) FROM seeknal.generations g WHERE g.project = run.project),
    (SELECT max(s.to_generation) FROM seeknal.switches s WHERE s.project = run.project));
  state := seeknal.state_by_hand(next, states, checks, NULL);
  of_state := seeknal.document(state);
  RETURN jsonb_build_object('base', run.production->'number', 'number', next, 'manifest', of_manifest, 'run_state', of_state,
    'bundle', run.bundle->'digest', 'run_id', run.given->'run_id', 'views', seeknal.views_by_hand(states, '', seeknal.views_now(run.project)),
    'record', seeknal.document(jsonb_build_object('format', 'seeknal.generation/1', 'generation', next, 'parent', run.production->'number',
      'parent_record', seeknal.sha256_of(run.production->>'record'), 'kind', of_kind, 'environment', run.environment, 'bundle', run.bundle->'digest',
      'run_id', run.given->'run_id', 'created_at', seeknal.utc_now(), 'manifest', seeknal.sha256_of(of_manifest), 'run_state', seeknal.sha256_of(of_state),
      'changed', coalesce((SELECT jsonb_agg(s.key ORDER BY s.key COLLATE "C") FROM jsonb_each(states) s
        WHERE earlier->s.key#>'{snapshot,sha256}' IS DISTINCT FROM s.value#>'{snapshot,sha256}'), '[]'),
      'removed', coalesce((SELECT jsonb_agg(e.key ORDER BY e.key COLLATE "C") FROM jsonb_each(earlier) e WHERE NOT states ? e.key), '[]'))));
END $$;

CREATE FUNCTION seeknal.state_by_hand(of_generation bigint, states jsonb, of_checks jsonb, of_environment text) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT jsonb_build_object('format', 'seeknal.run_state/1', 'generation', of_generation, 'environment', of_environment, 'bundle', r.bundle->'digest', 'unproven', true,
        'run_id', r.given->'run_id', 'run_timestamp', r.given->'run_timestamp', 'nodes', states,
        'engine', (r.bundle#>>'{engine,name}') || ' ' || split_part(current_setting('server_version'), ' ', 1))
      || CASE WHEN of_checks = '{}' THEN '{}' ELSE jsonb_build_object('checks', of_checks) END
    FROM pg_temp.seeknal_run r);
END $$;

-- Of several records, the results that belong to the checks and outputs as they are now.
CREATE FUNCTION seeknal.fitting_checks(states jsonb, records jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT coalesce(jsonb_object_agg(f.id, f.checks), '{}') FROM (
      SELECT DISTINCT ON (n.key) n.key AS id, c.value->n.key AS checks
      FROM pg_temp.seeknal_run r, jsonb_each(r.nodes) n, jsonb_array_elements(records) WITH ORDINALITY c
      WHERE seeknal.are_of(c.value->n.key, n.value, states->n.key->'snapshot') ORDER BY n.key, c.ordinality
    ) f);
END $$;

-- Within a transaction: what was made becomes production, or what the environment has, which can be promoted then. Says what happened.
CREATE FUNCTION seeknal.finish_by_hand() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  states jsonb := (SELECT coalesce(jsonb_object_agg(m.node, m.state), '{}') FROM pg_temp.seeknal_made m WHERE m.state IS NOT NULL);
  checked jsonb := (SELECT coalesce(jsonb_object_agg(m.node, m.checks), '{}') FROM pg_temp.seeknal_made m WHERE m.checks IS NOT NULL);
  present jsonb;
  merged jsonb;
  made jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  present := coalesce((run.production->>'run_state')::jsonb, '{}');
  IF run.environment IS NULL THEN
    merged := seeknal.fitting_checks(states, jsonb_build_array(checked, coalesce(present->'checks', '{}')));
    IF run.production IS NOT NULL AND merged = coalesce(present->'checks', '{}') AND run.production->>'manifest' = run.files->>'manifest.json'
      AND NOT EXISTS (SELECT FROM jsonb_each(states) s WHERE s.value->>'status' <> 'cached') THEN
      PERFORM seeknal.end_by_hand('nothing');
      RETURN 'Nothing to do: production is what this bundle makes.';
    END IF;
    PERFORM seeknal.keep_bundle();
    made := seeknal.generation_by_hand('run', states, merged);
    PERFORM seeknal.make_generation(run.project, made, 'run');
    PERFORM seeknal.end_by_hand('done');
    RETURN format('Production is generation %s.', made->>'number');
  END IF;
  IF seeknal.is_applied(states) THEN
    PERFORM seeknal.end_by_hand('nothing');
    RETURN format('Nothing to do: environment %s is what this bundle makes.', run.environment);
  END IF;
  PERFORM seeknal.finish_environment(states, checked);
  PERFORM seeknal.end_by_hand('done');
  RETURN format('Environment %s is applied.', run.environment);
END $$;

CREATE FUNCTION seeknal.keep_bundle() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO seeknal.bundles (project, digest, files) SELECT r.project, r.bundle->>'digest', r.files FROM pg_temp.seeknal_run r ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION seeknal.finish_environment(states jsonb, checked jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  run record;
  promote jsonb;
  present jsonb;
  merged jsonb;
  made jsonb;
  own jsonb;
  shown jsonb;
BEGIN
  SELECT * INTO STRICT run FROM pg_temp.seeknal_run;
  promote := run.bundle->'promote';
  present := coalesce((run.production->>'run_state')::jsonb, '{}');
  merged := (SELECT coalesce(jsonb_object_agg(o.key, o.value->'state' || '{"status": "cached"}'), '{}') FROM jsonb_each(run.outside) o WHERE NOT promote->'remove' ? o.key)
    || (SELECT coalesce(jsonb_object_agg(s.key, s.value), '{}') FROM jsonb_each(states) s WHERE promote->'replace' ? s.key);
  made := seeknal.generation_by_hand('promote', merged, seeknal.fitting_checks(merged, jsonb_build_array(checked, coalesce(present->'checks', '{}'))))
    || '{"targets": []}';
  shown := seeknal.views_of(run.project, run.environment);
  own := seeknal.views_by_hand(states, run.bundle->>'prefix', shown);
  PERFORM seeknal.keep_bundle();
  PERFORM seeknal.show_views(shown, own);
  PERFORM seeknal.save_environment('{"status": "applied", "promoted_to": null, "promoted_generation": null, "promoted_from": null}', jsonb_build_object(
    'manifest.json', run.files->'manifest.json',
    'run_state.json', seeknal.document(seeknal.state_by_hand(NULL, states, checked, run.environment)),
    'refs.json', seeknal.document(coalesce((SELECT jsonb_object_agg(i.value, jsonb_build_object('path', format('target/generations/%s/intermediate/%s.parquet', run.production->>'number', replace(i.value, '.', '_')),
        'sha256', run.outside->i.value#>'{state,snapshot,sha256}', 'generation', run.production->'number'))
      FROM jsonb_array_elements_text(promote->'read') i WHERE run.outside ? i.value), '{}')),
    'promotion/base', coalesce('generations/' || (run.production->>'number'), 'none') || E'\n',
    'promotion/next', format(E'generations/%s\n', made->>'number'),
    'promotion/requirements.json', seeknal.document(seeknal.requirements_by_hand(run.outside, promote)),
    'promotion/generation/generation.json', made->'record'), own, made);
END $$;

-- Production's nodes that the bundle replaces, removes or reads, as they are.
CREATE FUNCTION seeknal.requirements_by_hand(outside jsonb, promote jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('kind', 'base', 'node', b.id, 'execution', outside->b.id#>'{state,fingerprint}',
    'definition', CASE WHEN outside->b.id->'node' ? 'checks_fingerprint' THEN to_jsonb(seeknal.fingerprint_of(jsonb_build_object(
        'definition', outside->b.id#>'{node,definition_fingerprint}', 'checks', outside->b.id#>'{node,checks_fingerprint}')))
      ELSE outside->b.id#>'{node,definition_fingerprint}' END) ORDER BY b.id COLLATE "C"), '[]')
  FROM (SELECT DISTINCT i.value AS id FROM (SELECT promote->'replace' AS list UNION ALL SELECT promote->'remove' UNION ALL SELECT promote->'read') l,
    jsonb_array_elements_text(l.list) i) b
$$;
