-- Of projects whose outputs are files: what production's tables of other databases hold, the text of targets.json.

ALTER TABLE seeknal.projects ADD COLUMN targets text;

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
