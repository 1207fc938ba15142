-- What steps of apply.sql find out, decide and record. SQLSTATE SK005: a check failed; others as in 6-generations.sql.

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

-- What names the table that a step is to make: one that is not there yet, also where the id of the run was used before.
CREATE FUNCTION seeknal.unused_version(of_node text, named jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  version text := seeknal.fingerprint_of(named);
  again integer := 1;
BEGIN
  WHILE to_regclass('seeknal_store.' || quote_ident(seeknal.table_of(of_node, version))) IS NOT NULL LOOP
    again := again + 1;
    version := seeknal.fingerprint_of(named || jsonb_build_object('again', again));
  END LOOP;
  RETURN version;
END $$;

-- A text with placeholders, with the values of this run in it: FORMAT.md, as for paths of sources. What nobody gave stays.
CREATE FUNCTION seeknal.filled(template text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  given jsonb := (SELECT r.given->'parameters' || jsonb_build_object('run_timestamp', r.given->'run_timestamp') FROM pg_temp.seeknal_run r);
  texts text[] := regexp_split_to_array(template, '\{\{[^{}]+\}\}');
  filled text := texts[1];
  found record;
  moved text[];
BEGIN
  FOR found IN
    SELECT m.ordinality::integer AS place, m.match[1] AS whole, btrim(m.match[2], E' \t\n\r\f\v') AS name
    FROM regexp_matches(template, '(\{\{([^{}]+)\}\})', 'g') WITH ORDINALITY AS m(match, ordinality) ORDER BY m.ordinality
  LOOP
    moved := regexp_match(found.name, '^(today|month_start|year_start)\((-?\d+)\)$');
    filled := filled || coalesce(CASE
        WHEN moved IS NOT NULL THEN to_char(seeknal.moved_date((given->>'run_date')::date, moved[1], moved[2]::integer), 'YYYY-MM-DD')
        WHEN found.name LIKE 'env.%' THEN coalesce(given->>split_part(found.name, '|', 1), substring(found.name FROM '\|(.*)$'))
        ELSE given->>found.name END, found.whole)
      || texts[found.place + 1];
  END LOOP;
  RETURN filled;
END $$;

CREATE FUNCTION seeknal.moved_date(day date, unit text, by integer) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE unit WHEN 'today' THEN day + by WHEN 'month_start' THEN (date_trunc('month', day::timestamp) + make_interval(months => by))::date
    ELSE (date_trunc('year', day::timestamp) + make_interval(years => by))::date END
$$;

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
      seeknal.unused_version(of_node, jsonb_build_object('fingerprint', made->'fingerprint', 'node', of_node, 'run', run.given->'run_id')));
    UPDATE pg_temp.seeknal_made SET pending = made WHERE seeknal_made.node = of_node;
    output := seeknal.table_of(of_node, made->>'version');
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
      FROM jsonb_array_elements(nullif(node->'columns', 'null')) WITH ORDINALITY c),
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

-- The columns of a table as the manifest names them; those of the table where only it can tell.
CREATE FUNCTION seeknal.columns_made(node jsonb, stored text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  present jsonb := seeknal.columns_of(stored::regclass);
  wanted jsonb := CASE WHEN node->'columns' = 'null' THEN present ELSE seeknal.types_of(node->'columns') END;
  found text := (SELECT string_agg(c.value->>'name', ', ' ORDER BY c.ordinality) FROM jsonb_array_elements(present) WITH ORDINALITY c);
  named text := (SELECT string_agg(c.value->>'name', ', ' ORDER BY c.ordinality) FROM jsonb_array_elements(wanted) WITH ORDINALITY c);
BEGIN
  IF found IS DISTINCT FROM named THEN
    RAISE EXCEPTION 'the output of % has the columns %, and the bundle says %', node->>'id', found, named USING ERRCODE = 'SK004',
      HINT = 'Compile the bundle again where the server can be asked.';
  END IF;
  RETURN wanted;
END $$;

-- The table of a step is there, with so many rows.
CREATE FUNCTION seeknal.finish_step(of_node text, row_count bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  node jsonb := (SELECT r.nodes->of_node FROM pg_temp.seeknal_run r);
  made jsonb := (SELECT m.pending FROM pg_temp.seeknal_made m WHERE m.node = of_node);
  relation text := seeknal.table_of(of_node, made->>'version');
  stored text := 'seeknal_store.' || quote_ident(relation);
  columns jsonb := seeknal.columns_made(node, stored);
BEGIN
  PERFORM seeknal.keep_output(of_node, made, jsonb_build_object('rows', row_count, 'digest', seeknal.row_digest(stored, 'q') || ':' || seeknal.columns_fingerprint(columns),
    'columns', columns, 'sha256', made->'version'), relation, NULL);
END $$;

-- What statements before the query of a step have made: the next one may use the names. What the run keeps stays.
CREATE FUNCTION seeknal.drop_temporary() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
  FOR found IN
    SELECT c.oid, c.relname, c.relkind FROM pg_class c WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind IN ('r', 'v')
      AND c.relname NOT IN ('seeknal_run', 'seeknal_made', 'seeknal_targets', 'seeknal_files')
    ORDER BY c.relkind = 'v' DESC, c.oid DESC
  LOOP
    -- Only other objects of this session can depend on it, and they go, too.
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = found.oid);
    EXECUTE format('DROP %s pg_temp.%I CASCADE', CASE found.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, found.relname);
  END LOOP;
END $$;

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
  failed jsonb := (SELECT jsonb_agg(jsonb_build_object('node', of_node, 'check', c.value->'id', 'failing_rows', c.value->'failing_rows') ORDER BY c.ordinality)
    FROM pg_temp.seeknal_made m, jsonb_array_elements(m.checks->'results') WITH ORDINALITY c WHERE m.node = of_node AND c.value->>'status' = 'failed');
BEGIN
  IF failed IS NULL THEN
    RETURN false;
  END IF;
  PERFORM seeknal.fail_by_hand(failed);
  RETURN true;
END $$;

CREATE FUNCTION seeknal.refuse_output(of_node text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the output of % fails %', of_node, (SELECT string_agg(format('%s for %s rows', c.value->>'id', c.value->>'failing_rows'), ', ')
    FROM pg_temp.seeknal_made m, jsonb_array_elements(m.checks->'results') c WHERE m.node = of_node AND c.value->>'status' = 'failed')
    USING ERRCODE = 'SK005', HINT = 'Correct the data or the SQL.';
END $$;
