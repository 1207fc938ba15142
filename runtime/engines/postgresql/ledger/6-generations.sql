-- What changes production and the ledger's generation, each called within one transaction of a run or of psql. SQLSTATE SK001:
-- production moved; SK002: not applied; SK003: somebody else writes; SK004: something cannot be changed.

CREATE FUNCTION seeknal.lock_key(project text, lock text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT hashtextextended('seeknal ' || project || ' ' || lock, 0) $$;

-- Taken to the end of the transaction; refused while another session holds it, by an advisory lock or a lease.
CREATE FUNCTION seeknal.take_lock(project text, lock text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  is_free boolean;
  own text := 'seeknal ' || project || ' ' || lock;
BEGIN
  IF coalesce(has_function_privilege(to_regprocedure('pg_catalog.pg_try_advisory_xact_lock(bigint)'), 'EXECUTE'), false) THEN
    is_free := pg_try_advisory_xact_lock(seeknal.lock_key(project, lock));
  ELSE
    -- Whoever changes production waits for this row.
    PERFORM FROM seeknal.projects p WHERE p.project = take_lock.project FOR UPDATE;
    is_free := NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
      AND ((l.classid::bigint << 32) | l.objid::bigint) = seeknal.lock_key(project, lock));
  END IF;
  IF NOT is_free OR EXISTS (SELECT FROM seeknal.leases l WHERE l.lock = own AND l.expires_at > clock_timestamp()) THEN
    RAISE EXCEPTION '% of project % is being written by another session', lock, project USING ERRCODE = 'SK003';
  END IF;
END $$;

-- Refused unless the session of the backend holds the lock; nobody else gets it before this transaction ends.
CREATE FUNCTION seeknal.require_holder(of_project text, lock_name text, of_backend integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM seeknal.holders WHERE project = of_project AND lock = lock_name AND backend = of_backend FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lock on % was taken away', lock_name USING ERRCODE = 'SK003';
  END IF;
END $$;

CREATE FUNCTION seeknal.utc_now() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

CREATE FUNCTION seeknal.views_now(of_project text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT g.views FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation
    WHERE p.project = of_project), '[]')
$$;

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
CREATE FUNCTION seeknal.switch_to(of_project text, expected bigint, wanted bigint, switch_kind text, switch_run text) RETURNS void
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
CREATE FUNCTION seeknal.make_generation(of_project text, made jsonb, switch_kind text) RETURNS void
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

CREATE FUNCTION seeknal.note_promoted(of_project text, environment text, generation bigint) RETURNS void
LANGUAGE sql AS $$
  UPDATE seeknal.environments SET documents = jsonb_set(documents, '{env_config.json}', to_jsonb((
    (documents->>'env_config.json')::jsonb || jsonb_build_object('status', 'promoted', 'promoted_to', 'production',
      'promoted_generation', generation, 'last_used_at', seeknal.utc_now()))::text))
  WHERE project = of_project AND name = environment
$$;

-- By hand: what applying prepared becomes production, when production is as it was then.
CREATE FUNCTION seeknal.promote_applied(of_project text, environment text, of_manifest text, of_base text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  found seeknal.environments;
  base_now text;
BEGIN
  PERFORM seeknal.take_lock(of_project, 'production');
  PERFORM seeknal.take_lock(of_project, 'environment-' || environment);
  PERFORM seeknal.do_pending(of_project);
  SELECT * INTO found FROM seeknal.environments e WHERE e.project = of_project AND e.name = environment FOR UPDATE;
  IF found.promotion IS NULL OR (found.documents->>'env_config.json')::jsonb->>'status' <> 'applied' THEN
    RAISE EXCEPTION 'environment % is not applied', environment
      USING ERRCODE = 'SK002', HINT = 'Run seeknal env apply, or seeknal exec bundle.';
  END IF;
  IF encode(sha256(convert_to(found.documents->>'manifest.json', 'UTF8')), 'hex') <> of_manifest THEN
    RAISE EXCEPTION 'environment % was not applied by this bundle', environment USING ERRCODE = 'SK002', HINT = 'Apply it again.';
  END IF;
  SELECT encode(sha256(convert_to(g.manifest, 'UTF8')), 'hex') INTO base_now
  FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation WHERE p.project = of_project;
  IF base_now IS DISTINCT FROM of_base THEN
    RAISE EXCEPTION 'production is not what this bundle was planned against' USING ERRCODE = 'SK001', HINT = 'Plan and apply again.';
  END IF;
  PERFORM seeknal.make_generation(of_project, found.promotion, 'promote');
  PERFORM seeknal.note_promoted(of_project, environment, (found.promotion->>'number')::bigint);
  RETURN (found.promotion->>'number')::bigint;
END $$;

-- By hand: takes back what promote_applied() made last.
CREATE FUNCTION seeknal.roll_back_promotion(of_project text, environment text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  present seeknal.generations;
  parent bigint;
BEGIN
  PERFORM seeknal.take_lock(of_project, 'production');
  PERFORM seeknal.do_pending(of_project);
  SELECT g.* INTO present FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation
  WHERE p.project = of_project;
  IF present.number IS NULL OR present.record::jsonb->>'environment' IS DISTINCT FROM environment THEN
    RAISE EXCEPTION 'production is not what environment % made', environment USING ERRCODE = 'SK001', HINT = 'See seeknal history.';
  END IF;
  parent := (present.record::jsonb->>'parent')::bigint;
  IF parent IS NULL OR NOT EXISTS (SELECT FROM seeknal.generations g WHERE g.project = of_project AND g.number = parent) THEN
    RAISE EXCEPTION 'there is no earlier generation to go back to' USING ERRCODE = 'SK002';
  END IF;
  PERFORM seeknal.switch_to(of_project, present.number, parent, 'rollback', present.record::jsonb->>'run_id');
  RETURN parent;
END $$;

-- What tables of other databases hold of production (NULL), or of an environment, which is noted if it is not yet.
CREATE FUNCTION seeknal.note_targets(of_project text, environment text, document text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF environment IS NULL THEN
    UPDATE seeknal.projects SET targets = document WHERE project = of_project;
  ELSE
    INSERT INTO seeknal.environments AS e (project, name, documents) VALUES (of_project, environment, jsonb_build_object('targets.json', document))
    ON CONFLICT (project, name) DO UPDATE SET documents = e.documents || excluded.documents;
  END IF;
END $$;
